#include "tools/evaluate/evaluation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "codecs/resize.h"

static const struct px_network *network_of(const struct px_evaluation *e)
{
    return px_model_network(e->models[0].translator.model);
}

int px_evaluation_mean_colour(struct px_evaluation *e, const struct px_pictures_list *list,
                              const struct px_stop *stop, struct px_error *err)
{
    enum { MOST_TARGETS = 400 };
    size_t count = px_pictures_count(list), targets = 0;
    size_t step = count > MOST_TARGETS ? count / MOST_TARGETS : 1;
    double sums[4] = {0};

    for (size_t i = 0; i < count; i += step) {
        struct px_example example;
        double own[4] = {0};
        int rc = px_stop_check(stop, err);

        if (!rc)
            rc = px_example_load(&example, list, i, network_of(e), e->right, err);
        if (rc)
            return rc;
        const struct px_image *target = &example.target;
        size_t pixels = (size_t)target->width * target->height;
        for (size_t k = 0; target->data && k < pixels; k++)
            for (uint32_t c = 0; c < target->channels; c++)
                own[c] += target->data[k * target->channels + c];
        for (uint32_t c = 0; target->data && c < target->channels; c++)
            sums[c] += own[c] / (double)pixels;
        targets += target->data != NULL;
        px_example_clear(&example);
    }
    for (int c = 0; c < 4; c++)
        e->constant[c] = targets ? sums[c] / (double)targets : 127.5;
    return 0;
}

/* A picture at the size of another: `own` is filled only if it has to be scaled, and cleared by the
 * caller either way. NULL on failure. */
static const struct px_image *scaled_to(const struct px_image *like, const struct px_image *in,
                                        struct px_image *own, struct px_error *err)
{
    *own = (struct px_image){0};
    if (in->width == like->width && in->height == like->height)
        return in;
    return px_image_resize(in, like->width, like->height, own, err) == 0 ? own : NULL;
}

static int answer_of(const struct px_translator *translator, const struct px_evaluation *e,
                     const struct px_image *input, struct px_image *answer, struct px_error *err)
{
    int rc = px_image_resize(input, input->width, input->height, answer, err);

    return rc ? rc : px_translate_image(translator, &e->how, answer, err);
}

/* Label maps in both: what is found against what is true, each at the size of what is found. */
static int add_labels(const struct px_evaluation *e, struct px_confusion *confusion,
                      const struct px_image *truth, const struct px_image *found,
                      struct px_error *err)
{
    struct px_image own;
    const struct px_image *scaled = scaled_to(found, truth, &own, err);

    if (!scaled)
        return -err->code;
    px_confusion_add(confusion, &e->palette, scaled, found);
    px_image_clear(&own);
    return 0;
}

/* The labels that the segmenter reads from a picture, against the input's. */
static int add_segmented(const struct px_evaluation *e, const struct px_image *truth,
                         const struct px_image *picture, struct px_confusion *confusion,
                         struct px_error *err)
{
    struct px_image labels;
    int rc = answer_of(&e->segmenter, e, picture, &labels, err);

    if (rc)
        return rc;
    rc = add_labels(e, confusion, truth, &labels, err);
    px_image_clear(&labels);
    return rc;
}

static int judge_labels(struct px_evaluation *e, const struct px_evaluated_pictures *pictures,
                        struct px_error *err)
{
    const struct px_example *example = &pictures->example;
    bool segmented = e->segmenter.model && px_labels_is_map(&e->palette, &example->input);
    bool direct = !e->segmenter.model && px_labels_is_map(&e->palette, &example->target);
    int rc = 0;

    if (!segmented && !direct)
        return 0;
    e->has_labels = true;
    if (segmented)
        rc = add_segmented(e, &example->input, &example->target, &e->ceiling, err);
    for (int m = 0; m < e->model_count && !rc; m++)
        rc = segmented ? add_segmented(e, &example->input, &pictures->answers[m],
                                       &e->models[m].labels, err)
                       : add_labels(e, &e->models[m].labels, &example->target,
                                    &pictures->answers[m], err);
    return rc;
}

/* Scores against the target, scaled to the answer's size. */
static int judge(struct px_evaluation *e, int m, const struct px_evaluated_pictures *pictures,
                 struct px_evaluated_row *row, struct px_error *err)
{
    const struct px_image *answer = &pictures->answers[m];
    struct px_image own;
    const struct px_image *target = scaled_to(answer, &pictures->example.target, &own, err);

    if (!target)
        return -err->code;
    int rc = px_scores_compare(answer, target, &row->scores[m], err);
    if (!rc) {
        px_means_add(&e->models[m].means, &row->scores[m]);
        px_colours_add(&e->models[m].colours, answer);
    }
    px_image_clear(&own);
    return rc;
}

/* The input itself as an answer. */
static int judge_input(struct px_evaluation *e, const struct px_image *input,
                       const struct px_image *target, struct px_error *err)
{
    struct px_image own;
    struct px_scores scores;
    const struct px_image *scaled = scaled_to(target, input, &own, err);

    if (!scaled)
        return -err->code;
    int rc = px_scores_compare(scaled, target, &scores, err);
    if (!rc)
        px_means_add(&e->input_means, &scores);
    px_image_clear(&own);
    return rc;
}

/* What a constant colour and the input itself score, at the size of the first model's answer. */
static int judge_opponents(struct px_evaluation *e, const struct px_evaluated_pictures *pictures,
                           struct px_error *err)
{
    const struct px_example *example = &pictures->example;
    struct px_image own;
    struct px_scores scores;
    const struct px_image *target = scaled_to(&pictures->answers[0], &example->target, &own, err);

    if (!target)
        return -err->code;
    int rc = px_scores_constant(e->constant, target, &scores, err);
    if (!rc) {
        px_means_add(&e->constant_means, &scores);
        px_colours_add(&e->target_colours, target);
    }
    if (!rc && example->input.channels == target->channels)
        rc = judge_input(e, &example->input, target, err);
    px_image_clear(&own);
    return rc;
}

static struct px_evaluated_row *add_row(struct px_evaluation *e, const char *name,
                                        struct px_error *err)
{
    struct px_evaluated_row row = {.name = strdup(name)};
    struct px_evaluated_row *more =
        row.name ? px_array_grow(e->rows, &e->row_capacity, e->row_count + 1, sizeof *more) : NULL;

    if (!more) {
        free(row.name);
        px_fail(err, PX_E_NOMEM, "no memory for the results of %zu pictures", e->row_count + 1);
        return NULL;
    }
    e->rows = more;
    e->rows[e->row_count] = row;
    return &e->rows[e->row_count++];
}

int px_evaluation_add(struct px_evaluation *e, const struct px_pictures_list *list, size_t index,
                      struct px_evaluated_pictures *pictures, struct px_error *err)
{
    assert(e->model_count >= 1 && e->model_count <= PX_EVALUATE_MAX_MODELS);
    memset(pictures, 0, sizeof *pictures);
    struct px_evaluated_row *row = add_row(e, px_pictures_name(list, index), err);
    if (!row)
        return -PX_E_NOMEM;
    int rc = px_example_load(&pictures->example, list, index, network_of(e), e->right, err);
    for (int m = 0; m < e->model_count && !rc; m++)
        rc = answer_of(&e->models[m].translator, e, &pictures->example.input, &pictures->answers[m],
                       err);
    if (rc)
        return rc;
    row->pair = pictures->example.target.data != NULL;
    if (!row->pair) {
        e->singles++;
        return 0;
    }
    e->pairs++;
    for (int m = 0; m < e->model_count && !rc; m++)
        rc = judge(e, m, pictures, row, err);
    if (!rc)
        rc = judge_opponents(e, pictures, err);
    return rc ? rc : judge_labels(e, pictures, err);
}

void px_evaluated_pictures_clear(struct px_evaluated_pictures *pictures)
{
    px_example_clear(&pictures->example);
    for (int m = 0; m < PX_EVALUATE_MAX_MODELS; m++)
        px_image_clear(&pictures->answers[m]);
}

void px_evaluation_clear(struct px_evaluation *e)
{
    for (size_t i = 0; i < e->row_count; i++)
        free(e->rows[i].name);
    free(e->rows);
    e->rows = NULL;
    e->row_count = e->row_capacity = 0;
}
