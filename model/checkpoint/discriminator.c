#include "model/checkpoint/discriminator.h"

#include <stdlib.h>

#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/parts/checkpoint_parts.h"

struct px_discriminator {
    struct px_checkpoint *file; /* owns the tensors' data */
    struct px_checkpoint_selection selection;
};

static int select_discriminator(struct px_discriminator *d, const char *key, struct px_error *err)
{
    int rc =
        px_checkpoint_select(&d->selection, px_checkpoint_list(d->file), PX_SELECT_D, key, err);

    for (size_t i = 0; !rc && i < d->selection.list.count; i++)
        rc = px_checkpoint_check_finite(&d->selection.list.tensors[i], err);
    return rc;
}

int px_discriminator_open(struct px_discriminator **out, const char *path, const char *key,
                          struct px_error *err)
{
    struct px_discriminator *d = calloc(1, sizeof *d);

    if (!d)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for a discriminator", path);
    int rc = px_checkpoint_peek(&d->file, path, err);
    if (!rc) {
        rc = select_discriminator(d, key, err);
        if (rc)
            px_error_prefix(err, path);
    }
    if (rc)
        px_discriminator_close(d);
    else
        *out = d;
    return rc;
}

void px_discriminator_close(struct px_discriminator *discriminator)
{
    if (!discriminator)
        return;
    px_checkpoint_selection_clear(&discriminator->selection);
    px_checkpoint_close(discriminator->file);
    free(discriminator);
}

const struct px_tensor_list *px_discriminator_list(const struct px_discriminator *discriminator)
{
    return &discriminator->selection.list;
}

/* Views of the tensors with converted convolution weights, which are among `owned`. */
static int convert(struct px_tensor *tensors, void **owned, const struct px_tensor_list *list,
                   enum px_dtype dtype, struct px_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        tensors[i] = list->tensors[i];
        bool converts = tensors[i].ndim == 4 && dtype != PX_DTYPE_AUTO && tensors[i].dtype != dtype;
        int rc = converts ? px_tensor_convert(&tensors[i], dtype, &owned[i], err) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

typedef int save_file(const char *path, const struct px_tensor *tensors, size_t count,
                      struct px_error *err);

static int save(const char *path, const struct px_discriminator *discriminator, enum px_dtype dtype,
                save_file *write, struct px_error *err)
{
    const struct px_tensor_list *list = &discriminator->selection.list;
    struct px_tensor *tensors = calloc(list->count + 1, sizeof *tensors);
    void **owned = calloc(list->count + 1, sizeof *owned);
    int rc = tensors && owned ? convert(tensors, owned, list, dtype, err)
                              : px_fail(err, PX_E_NOMEM, "no memory for a discriminator");

    if (rc)
        px_error_prefix(err, path);
    else
        rc = write(path, tensors, list->count, err);
    for (size_t i = 0; owned && i < list->count; i++)
        free(owned[i]);
    free(owned);
    free(tensors);
    return rc;
}

static int save_safetensors(const char *path, const struct px_tensor *tensors, size_t count,
                            struct px_error *err)
{
    static const struct px_metadata format = {"format", "pt"};

    return px_safetensors_save(path, tensors, count, &format, 1, err);
}

int px_discriminator_save(const char *path, const struct px_discriminator *discriminator,
                          enum px_dtype dtype, struct px_error *err)
{
    return save(path, discriminator, dtype, save_safetensors, err);
}

int px_discriminator_save_pth(const char *path, const struct px_discriminator *discriminator,
                              enum px_dtype dtype, struct px_error *err)
{
    return save(path, discriminator, dtype, px_pth_save, err);
}
