/* pix2pix convert: another stored type, the same network and metadata; or an ONNX model. */

#include <stdlib.h>
#include <string.h>

#include "model/checkpoint.h"
#include "model/onnx.h"
#include "tools/verbs.h"

struct settings {
    int dtype;
    int norm;
};

enum { DTYPE_KEEP, DTYPE_F32, DTYPE_BF16 };
enum { NORM_DEFAULT, NORM_BATCH, NORM_RUNNING };

static const struct px_option rows[] = {
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, dtype),
     .choices = "keep|f32|bf16",
     .help = "the type that convolution weights are stored in; norms and biases stay as they are"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, norm),
     .choices = "default|batch|running",
     .help = "for .onnx: batch norm by the statistics of each picture (the default, as the "
             "reference's test.py) or by the running ones (its --eval)"},
};

static const struct px_option_table table = {
    .program = "pix2pix convert",
    .usage = "IN.safetensors OUT.safetensors|OUT.onnx [--dtype f32|bf16] [--norm batch|running]",
    .description = "Rewrites a checkpoint with another stored type; its metadata is kept, and "
                   "completed where the\nnetwork was only known from its tensors. Or writes it as "
                   "an ONNX model (float32, any size of\npicture that the network takes).",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 2,
    .max_arguments = 2,
};

/* The keys that px_checkpoint_save() writes by itself, from the network. */
static bool is_network_key(const char *key)
{
    static const char *const keys[] = {"architecture", "ngf",     "input_nc",  "output_nc",
                                       "norm",         "dropout", "direction", "crop_size"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static size_t extra_metadata(const struct px_safetensors *file, struct px_metadata *extra)
{
    size_t count = 0;

    for (size_t i = 0; i < px_safetensors_metadata_count(file); i++) {
        struct px_metadata entry = px_safetensors_metadata_at(file, i);
        if (!is_network_key(entry.key))
            extra[count++] = entry;
    }
    return count;
}

static enum px_dtype stored_dtype(const struct px_checkpoint *checkpoint, int wanted)
{
    if (wanted == DTYPE_KEEP) /* f16 and f64 are read, never written */
        return checkpoint->dtype == PX_BF16 ? PX_BF16 : PX_F32;
    return wanted == DTYPE_BF16 ? PX_BF16 : PX_F32;
}

static int save(const struct px_checkpoint *checkpoint, const char *path, int dtype,
                struct px_error *err)
{
    const struct px_safetensors *file = checkpoint->file;
    size_t count = px_safetensors_count(file);
    struct px_metadata *extra = calloc(px_safetensors_metadata_count(file) + 1, sizeof *extra);
    struct px_tensor *tensors = calloc(count + 1, sizeof *tensors);
    int rc;

    if (!extra || !tensors)
        rc = px_fail(err, PX_E_NOMEM, "no memory for a list of %zu tensors", count);
    else {
        for (size_t i = 0; i < count; i++)
            tensors[i] = *px_safetensors_at(file, i);
        rc = px_checkpoint_save(path, &checkpoint->network, tensors, count, extra,
                                extra_metadata(file, extra), stored_dtype(checkpoint, dtype), err);
    }
    free(extra);
    free(tensors);
    return rc;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), s = strlen(suffix);

    return n > s && strcmp(path + n - s, suffix) == 0;
}

static int check_settings(const struct settings *settings, bool onnx, struct px_error *err)
{
    if (onnx && settings->dtype == DTYPE_BF16)
        return px_fail(err, PX_E_USAGE,
                       "--dtype bf16: an ONNX model is written as f32; leave the option out");
    if (!onnx && settings->norm != NORM_DEFAULT)
        return px_fail(err, PX_E_USAGE,
                       "--norm: a checkpoint has no mode of norm, only an ONNX model does; leave "
                       "the option out or end the output in .onnx");
    return 0;
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
    const bool onnx = has_suffix(path, ".onnx");
    rc = check_settings(&settings, onnx, err);
    if (!rc)
        rc = px_checkpoint_open(&checkpoint, options.arguments[0], err);
    if (!rc && onnx)
        rc = px_onnx_save(path, checkpoint,
                          settings.norm == NORM_RUNNING ? PX_TEST_RUNNING : PX_TEST_BATCH, err);
    else if (!rc)
        rc = save(checkpoint, path, settings.dtype, err);
    px_checkpoint_close(checkpoint);
    px_options_free(&options);
    return rc;
}
