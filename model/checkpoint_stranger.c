#include <string.h>

#include "model/checkpoint_parts.h"

/* Whether there is a convolution's weight of that name with kernels of that size. */
static bool has_kernel(const struct px_tensor_list *list, const char *name, int64_t size)
{
    const struct px_tensor *tensor = px_tensor_find(list, name);

    return tensor && tensor->ndim == 4 && tensor->shape[2] == size && tensor->shape[3] == size;
}

static int count_kernels(const struct px_tensor_list *list, const char *part)
{
    int count = 0;

    for (size_t i = 0; i < list->count; i++)
        count += list->tensors[i].ndim == 4 && strstr(list->tensors[i].name, part);
    return count;
}

int px_checkpoint_stranger(const struct px_tensor_list *list, const char *missing,
                           struct px_error *err)
{
    if (has_kernel(list, "model.0.weight", 4))
        return px_fail(err, PX_E_FORMAT,
                       "a discriminator (PatchGAN of %d layers), not a generator: that is the file "
                       "..._net_G.pth beside it",
                       count_kernels(list, "model.") - 2);
    if (has_kernel(list, "net.0.weight", 1))
        return px_fail(err, PX_E_FORMAT,
                       "a discriminator (of single pixels), not a generator: that is the file "
                       "..._net_G.pth beside it");
    if (has_kernel(list, "model.1.weight", 7))
        return px_fail(err, PX_E_FORMAT, "a ResNet generator of %d blocks; only U-Nets are known",
                       count_kernels(list, ".conv_block.") / 2);
    return px_fail(err, PX_E_FORMAT, "not a U-Net generator: tensor '%s' is missing", missing);
}
