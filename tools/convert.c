/* pix2pix convert: another stored type, the same network and metadata. */

#include <stdlib.h>
#include <string.h>

#include "model/checkpoint.h"
#include "tools/verbs.h"

struct settings {
    int dtype;
};

enum { DTYPE_KEEP, DTYPE_F32, DTYPE_BF16 };

static const struct px_option rows[] = {
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, dtype),
     .choices = "keep|f32|bf16",
     .help = "the type that convolution weights are stored in; norms and biases stay as they are"},
};

static const struct px_option_table table = {
    .program = "pix2pix convert",
    .usage = "IN.safetensors OUT.safetensors --dtype f32|bf16",
    .description = "Rewrites a checkpoint with another stored type; its metadata is kept, and "
                   "completed where the\nnetwork was only known from its tensors.",
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

int px_verb_convert(int argc, char *const *argv, struct px_error *err)
{
    struct px_checkpoint *checkpoint = NULL;
    struct settings settings;
    struct px_options options;
    bool done;
    int rc = px_verb_options(&table, &settings, argc, argv, &options, &done, err);

    if (rc || done)
        return rc;
    rc = px_checkpoint_open(&checkpoint, options.arguments[0], err);
    if (!rc)
        rc = save(checkpoint, options.arguments[1], settings.dtype, err);
    px_checkpoint_close(checkpoint);
    px_options_free(&options);
    return rc;
}
