#include "trainer/nn/parts/gan_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum { KINDS = 3 }; /* value, adam_m, adam_v */

/* One named view per tensor and moment, and the step counter. */
static void list_set(struct px_gan *gan, const char *set, struct px_parameters *p)
{
    const char *const kinds[KINDS] = {"", "adam_m.", "adam_v."};
    float *const bases[KINDS] = {p->value, p->m, p->v};

    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < p->count; i++) {
            const struct px_parameter *from = &p->list[i];
            if (k > 0 && from->offset >= p->trainable)
                continue; /* buffers have no moments */
            size_t at = gan->tensor_count++;
            struct px_tensor *t = &gan->tensors[at];
            snprintf(gan->names[at], sizeof gan->names[at], "%s.%s%s", set, kinds[k], from->name);
            *t = (struct px_tensor){.name = gan->names[at],
                                    .dtype = PX_F32,
                                    .ndim = from->ndim,
                                    .data = bases[k] + from->offset,
                                    .bytes = from->count * sizeof(float)};
            memcpy(t->shape, from->shape, sizeof from->shape);
        }
}

static void list_counter(struct px_gan *gan, const char *name, const int64_t *counter)
{
    size_t at = gan->tensor_count++;

    snprintf(gan->names[at], sizeof gan->names[at], "%s", name);
    gan->tensors[at] = (struct px_tensor){
        .name = gan->names[at], .dtype = PX_I64, .data = counter, .bytes = sizeof *counter};
}

/* num_batches_tracked comes with every running_mean; all norms of a network share one counter.
 */
static void list_batches(struct px_gan *gan, const char *set, const struct px_parameters *p,
                         const int64_t *counter)
{
    static const char mean[] = "running_mean";

    for (int i = 0; i < p->count; i++) {
        const char *name = p->list[i].name;
        size_t n = strlen(name);
        char full[PX_NAME_MAX + 64];
        if (n < sizeof mean || strcmp(name + n - (sizeof mean - 1), mean) != 0)
            continue;
        snprintf(full, sizeof full, "%s.%.*snum_batches_tracked", set, (int)(n - sizeof mean + 1),
                 name);
        list_counter(gan, full, counter);
    }
}

/* What is listed so far, without moments and prefix. */
static void list_generator(struct px_gan *gan)
{
    static const char prefix[] = "G.", moment[] = "G.adam_";

    for (size_t i = 0; i < gan->tensor_count; i++) {
        const char *name = gan->tensors[i].name;
        assert(strncmp(name, prefix, sizeof prefix - 1) == 0);
        if (strncmp(name, moment, sizeof moment - 1) == 0)
            continue;
        struct px_tensor *to = &gan->generator_tensors[gan->generator_count++];
        *to = gan->tensors[i];
        to->name = name + sizeof prefix - 1;
    }
}

int px_gan_list_tensors(struct px_gan *gan, struct px_error *err)
{
    size_t room = (size_t)(KINDS + 1) * (size_t)(gan->G.count + gan->D.count) + 1;

    gan->tensors = calloc(room, sizeof *gan->tensors);
    gan->generator_tensors = calloc(room, sizeof *gan->generator_tensors);
    gan->names = calloc(room, sizeof *gan->names);
    if (!gan->tensors || !gan->generator_tensors || !gan->names)
        return px_fail(err, PX_E_NOMEM, "no memory for a list of %zu tensors", room);
    list_set(gan, "G", &gan->G);
    list_batches(gan, "G", &gan->G, &gan->batches);
    list_generator(gan);
    list_set(gan, "D", &gan->D);
    list_batches(gan, "D", &gan->D, &gan->d_batches);
    list_counter(gan, "steps", &gan->steps);
    assert(gan->tensor_count <= room);
    return 0;
}

size_t px_gan_tensors(const struct px_gan *gan, const struct px_tensor **tensors)
{
    *tensors = gan->tensors;
    return gan->tensor_count;
}

uint64_t px_gan_fingerprint(const struct px_gan *gan)
{
    uint64_t print = 0;

    for (size_t i = 0; i < gan->tensor_count; i++) {
        const struct px_tensor *t = &gan->tensors[i];
        const unsigned char *bytes = t->data;
        for (size_t at = 0; at < t->bytes; at += 8) {
            uint64_t word = 0;
            memcpy(&word, bytes + at, t->bytes - at < 8 ? t->bytes - at : 8);
            print = px_mix64(print ^ word) + i;
        }
    }
    return print;
}

uint64_t px_gan_layouts(const struct px_gan *gan)
{
    uint64_t print = px_weights_layouts(gan->weights_G);

    return gan->weights_D ? px_mix64(print ^ px_weights_layouts(gan->weights_D)) : print;
}

size_t px_gan_generator_tensors(const struct px_gan *gan, const struct px_tensor **tensors)
{
    *tensors = gan->generator_tensors;
    return gan->generator_count;
}

size_t px_gan_parameters_G(const struct px_gan *gan)
{
    return gan->G.trainable;
}

size_t px_gan_parameters_D(const struct px_gan *gan)
{
    return gan->D.trainable;
}
