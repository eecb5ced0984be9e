/* pix2pix convert: another file format or stored type, the same network and metadata. */

#include <stdlib.h>
#include <string.h>

#include "model/checkpoint.h"
#include "model/onnx.h"
#include "tools/verbs.h"

struct settings {
    int dtype;
    int norm;
    int direction, test_norm;
    int64_t crop_size;
};

enum { DTYPE_KEEP, DTYPE_F32, DTYPE_BF16 };
enum { NORM_DEFAULT, NORM_BATCH, NORM_RUNNING };
enum { MAX_TENSORS = PX_MAX_LAYERS * PX_ROLE_COUNT };

static const struct px_option rows[] = {
    {.name = "test-norm",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, test_norm),
     .choices = "keep|batch|running",
     .help = "what pictures are normalised by where nobody says: their own statistics (as the "
             "reference's test.py; the default for a .pth) or the running ones (its --eval)"},
    {.name = "direction",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, direction),
     .choices = "keep|AtoB|BtoA",
     .help = "which side of its training pairs the network takes; a file of PyTorch does not tell, "
             "keep is AtoB there"},
    {.name = "crop-size",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct settings, crop_size),
     .max = 8192,
     .value = "N",
     .help = "the size of its training pictures; 0 keeps what the file says, which is 256 for a "
             "unet_256 of PyTorch"},
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, dtype),
     .choices = "keep|f32|bf16",
     .help = "the type that convolution weights are stored in; norms and biases stay as they are"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, norm),
     .choices = "default|batch|running",
     .help =
         "for .onnx: batch norm by the statistics of each picture (as the reference's test.py) or "
         "by the running ones (its --eval); default: as the checkpoint says, else batch"},
};

static const struct px_option_table table = {
    .program = "pix2pix convert",
    .usage = "IN OUT.safetensors|OUT.pth|OUT.onnx [OPTIONS]",
    .description =
        "Writes a checkpoint anew: as safetensors, with its metadata; as a state_dict "
        "for PyTorch, which\npytorch-CycleGAN-and-pix2pix loads as latest_net_G.pth; or "
        "as an ONNX model (float32, any size of\npicture that the network takes). IN is a "
        "safetensors file or such a .pth; nothing in it is executed.\nThe network is read "
        "from the tensors; what they do not tell is the reference's default or given\n"
        "here.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 2,
    .max_arguments = 2,
};

/* Fills `extra`, which has room for one more than the list. `test_norm` replaces what the list
 * says, if it is not NULL. */
static size_t extra_metadata(const struct px_tensor_list *list, const char *test_norm,
                             struct px_metadata *extra)
{
    size_t count = 0;

    for (size_t i = 0; i < list->metadata_count; i++)
        if (!px_checkpoint_network_key(list->metadata[i].key) &&
            (!test_norm || strcmp(list->metadata[i].key, "test_norm") != 0))
            extra[count++] = list->metadata[i];
    if (test_norm)
        extra[count++] = (struct px_metadata){"test_norm", test_norm};
    return count;
}

static enum px_dtype stored_dtype(const struct settings *settings)
{
    static const enum px_dtype dtypes[] = {PX_DTYPE_AUTO, PX_F32, PX_BF16};

    return dtypes[settings->dtype];
}

/* The tensors that the network has; InstanceNorm's stale statistics stay behind. */
static size_t bound_tensors(const struct px_checkpoint *checkpoint,
                            struct px_tensor tensors[static MAX_TENSORS])
{
    size_t count = 0;

    for (int layer = 0; layer < checkpoint->network.layer_count; layer++)
        for (int role = 0; role < PX_ROLE_COUNT; role++) {
            const struct px_tensor *tensor =
                px_checkpoint_tensor(checkpoint, layer, (enum px_tensor_role)role);
            if (tensor)
                tensors[count++] = *tensor;
        }
    return count;
}

/* Changes what the settings say about the network. */
static int change_network(struct px_network *network, const struct settings *settings,
                          struct px_error *err)
{
    static const char *const directions[] = {NULL, "AtoB", "BtoA"};
    const struct px_network old = *network;
    const struct px_network_options options = {
        .architecture = old.architecture,
        .ngf = old.ngf,
        .input_nc = old.input_nc,
        .output_nc = old.output_nc,
        .norm = old.norm,
        .dropout = old.dropout,
        .crop_size = settings->crop_size ? (int)settings->crop_size : old.crop_size,
        .direction = settings->direction ? directions[settings->direction] : old.direction,
    };

    return px_network_make(network, &options, err);
}

static int save(const struct px_checkpoint *checkpoint, const char *path,
                const struct settings *settings, struct px_error *err)
{
    static const char *const norms[] = {NULL, "batch", "running"};
    const struct px_tensor_list *list = checkpoint->list;
    struct px_metadata *extra = calloc(list->metadata_count + 1, sizeof *extra);
    struct px_tensor tensors[MAX_TENSORS];

    if (!extra)
        return px_fail(err, PX_E_NOMEM, "no memory for a list of %zu metadata",
                       list->metadata_count);
    int rc = px_checkpoint_save(
        path, &checkpoint->network, tensors, bound_tensors(checkpoint, tensors), extra,
        extra_metadata(list, norms[settings->test_norm], extra), stored_dtype(settings), err);
    free(extra);
    return rc;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), s = strlen(suffix);

    return n > s && strcmp(path + n - s, suffix) == 0;
}

enum format { SAFETENSORS, PTH, ONNX };

static enum format format_of(const char *path)
{
    if (has_suffix(path, ".onnx"))
        return ONNX;
    return has_suffix(path, ".pth") || has_suffix(path, ".pt") ? PTH : SAFETENSORS;
}

/* Refuses options that would do nothing. */
static int check_settings(const struct settings *settings, enum format format, struct px_error *err)
{
    if (format == ONNX && settings->dtype == DTYPE_BF16)
        return px_fail(err, PX_E_USAGE,
                       "--dtype bf16: an ONNX model is written as f32; leave the option out");
    if (format != ONNX && settings->norm != NORM_DEFAULT)
        return px_fail(err, PX_E_USAGE,
                       "--norm: a checkpoint has no mode of norm, only an ONNX model does; leave "
                       "the option out or end the output in .onnx");
    if (format == PTH && (settings->direction || settings->crop_size || settings->test_norm))
        return px_fail(err, PX_E_USAGE,
                       "--direction, --crop-size, --test-norm: a state_dict has no place for them; "
                       "leave the options out");
    if (format == ONNX && settings->test_norm)
        return px_fail(err, PX_E_USAGE,
                       "--test-norm: an ONNX model knows one norm only, choose it with --norm");
    return 0;
}

static int write_as(enum format format, const char *path, const struct px_checkpoint *checkpoint,
                    const struct settings *settings, struct px_error *err)
{
    bool running = settings->norm == NORM_RUNNING ||
                   (settings->norm == NORM_DEFAULT && checkpoint->test_running);

    switch (format) {
    case ONNX:
        return px_onnx_save(path, checkpoint, running ? PX_TEST_RUNNING : PX_TEST_BATCH, err);
    case PTH:
        return px_checkpoint_save_pth(path, checkpoint, stored_dtype(settings), err);
    case SAFETENSORS:
        break;
    }
    return save(checkpoint, path, settings, err);
}

int px_verb_convert(int argc, char *const *argv, struct px_error *err)
{
    struct px_checkpoint *checkpoint = NULL;
    struct settings settings;
    struct px_options options;
    bool done;
    int rc = px_verb_options(&table, &settings, argc, argv, &options, &done, err);

    if (rc || done)
        return rc;
    const char *path = options.arguments[1];
    const enum format format = format_of(path);
    rc = check_settings(&settings, format, err);
    if (!rc)
        rc = px_checkpoint_import(&checkpoint, options.arguments[0], err);
    if (!rc && !(format == SAFETENSORS && settings.dtype == DTYPE_KEEP))
        rc = px_checkpoint_dequantize(checkpoint, err);
    if (!rc)
        rc = change_network(&checkpoint->network, &settings, err);
    if (!rc && settings.test_norm == NORM_RUNNING && !checkpoint->has_running)
        rc = px_fail(err, PX_E_INVALID, "%s: has no running statistics: leave --test-norm out",
                     options.arguments[0]);
    if (!rc)
        rc = write_as(format, path, checkpoint, &settings, err);
    px_checkpoint_close(checkpoint);
    px_options_free(&options);
    return rc;
}
