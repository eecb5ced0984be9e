#include "tools/evaluate/check.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/path.h"
#include "codecs/codec.h"
#include "codecs/resize.h"
#include "tools/work/jobs.h"

enum { MOST_PICTURES = 4 };
static const size_t max_file = (size_t)512 << 20;

static const struct px_network *network_of(const struct px_evaluation *e)
{
    return px_model_network(e->models[0].translator.model);
}

static bool has_alpha(uint32_t channels)
{
    return channels == 2 || channels == 4;
}

/* A model whose side has `needed` channels takes the file of that side. */
static int check_alpha(const struct px_evaluation *e, const char *path, int needed,
                       struct px_error *err)
{
    const struct px_decode_limits limits = {PX_TOOL_MAX_PIXELS, PX_TOOL_MAX_SIDE, true};
    struct px_image_info info;
    uint8_t *data;
    size_t size;

    if (!has_alpha((uint32_t)needed))
        return 0;
    int rc = px_file_read(path, max_file, &data, &size, err);
    if (rc)
        return rc;
    rc = px_image_probe((struct px_span){data, size}, &limits, &info, err);
    free(data);
    if (rc) {
        px_error_prefix(err, path);
        return rc;
    }
    if (has_alpha(info.channels))
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "%s has no alpha channel, and %s works on %d channels: save "
                   "the pairs as PNG with alpha",
                   path, e->models[0].path, needed);
}

/* More than one pixel in fifty is clearly not grey. */
static bool is_coloured(const struct px_image *image)
{
    size_t pixels = (size_t)image->width * image->height, coloured = 0;

    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = image->data + 3 * i;
        int most = p[0] > p[1] ? p[0] : p[1], least = p[0] < p[1] ? p[0] : p[1];

        most = most > p[2] ? most : p[2];
        least = least < p[2] ? least : p[2];
        coloured += most - least > 24;
    }
    return coloured * 50 > pixels;
}

static int check_segmented(const struct px_evaluation *e, const char *name,
                           const struct px_example *example, struct px_error *err)
{
    struct px_image labels;

    if (!px_labels_is_map(&e->palette, &example->input))
        return px_fail(err, PX_E_USAGE,
                       "--segmenter: the input of %s is not a label map in the colours of %s, so "
                       "there are no labels to compare; --palette names others",
                       name, e->palette.title);
    int rc = px_image_resize(&example->target, example->target.width, example->target.height,
                             &labels, err);
    if (!rc)
        rc = px_translate_image(&e->segmenter, &e->how, &labels, err);
    if (rc)
        return rc;
    double share = px_labels_share(&e->palette, &labels);
    px_image_clear(&labels);
    if (share >= 0.5)
        return 0;
    return px_fail(
        err, PX_E_USAGE,
        "--segmenter: only %.0f %% of what it makes of the target of %s is in the colours "
        "of %s: it was trained on other classes, or too little",
        share * 100, name, e->palette.title);
}

/* As RGB, whatever the model takes. */
static int check_colours(const struct px_evaluation *e, const struct px_pictures_list *list,
                         size_t index, struct px_error *err)
{
    struct px_network rgb = *network_of(e);
    struct px_example example;
    const char *name = px_pictures_name(list, index);
    int outputs = rgb.output_nc;

    rgb.input_nc = rgb.output_nc = 3;
    int rc = px_example_load(&example, list, index, &rgb, e->right, err);
    if (rc)
        return rc;
    if (example.target.data && outputs <= 2 && is_coloured(&example.target))
        rc = px_fail(err, PX_E_USAGE,
                     "the target of %s is coloured, and %s makes grey pictures (%d channel%s): "
                     "evaluate it on pairs with grey targets",
                     name, e->models[0].path, outputs, outputs == 1 ? "" : "s");
    if (!rc && example.target.data && e->segmenter.model)
        rc = check_segmented(e, name, &example, err);
    else if (!rc && example.target.data && e->wants_labels &&
             !px_labels_is_map(&e->palette, &example.target))
        rc = px_fail(err, PX_E_USAGE,
                     "--palette: the target of %s is not a label map in the colours of %s, and "
                     "there is no --segmenter to read one from it",
                     name, e->palette.title);
    px_example_clear(&example);
    return rc;
}

static int check_picture(const struct px_evaluation *e, const struct px_pictures_list *list,
                         size_t index, struct px_error *err)
{
    const struct px_network *network = network_of(e);
    char path[PX_PATH_MAX];
    int rc = px_pictures_path(list, index, e->right, path, err);

    if (!rc)
        rc = check_alpha(e, path, network->input_nc, err);
    if (!rc)
        rc = px_pictures_path(list, index, !e->right, path, err);
    if (!rc)
        rc = check_alpha(e, path, network->output_nc, err);
    return rc ? rc : check_colours(e, list, index, err);
}

int px_evaluation_check(const struct px_evaluation *e, const struct px_pictures_list *list,
                        struct px_error *err)
{
    size_t count = px_pictures_count(list);
    int rc = 0;

    for (size_t i = 0; i < count && i < MOST_PICTURES && !rc; i++)
        rc = check_picture(e, list, i, err);
    return rc;
}
