#include "model/checkpoint/average.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_real(const struct px_tensor *tensor)
{
    return tensor->dtype == PX_F32 || tensor->dtype == PX_F16 || tensor->dtype == PX_BF16 ||
           tensor->dtype == PX_F64;
}

static bool is_same_shape(const struct px_tensor *a, const struct px_tensor *b)
{
    return a->ndim == b->ndim &&
           memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

/* INVALID if `other` does not have the tensors of `list`. */
static int check_same(const struct px_tensor_list *list, const struct px_checkpoint *other,
                      const char *name, struct px_error *err)
{
    const struct px_tensor_list *have = px_checkpoint_list(other);

    for (size_t i = 0; i < list->count; i++) {
        const struct px_tensor *found = px_tensor_find(have, list->tensors[i].name);
        if (!found || !is_same_shape(found, &list->tensors[i]))
            return px_fail(err, PX_E_INVALID,
                           "%s: has no tensor '%.100s' of the last one's shape: only "
                           "checkpoints of one network can be averaged",
                           name, list->tensors[i].name);
    }
    if (have->count > list->count)
        return px_fail(err, PX_E_INVALID,
                       "%s: has %zu tensors, the last one %zu: only checkpoints of one "
                       "network can be averaged",
                       name, have->count, list->count);
    return 0;
}

/* Writes the mean of the tensors called `name`; `row` and `sum` have room for one each. */
static void average(const struct px_checkpoint *const *checkpoints, size_t count, const char *name,
                    float *row, double *sum, float *mean)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        const struct px_tensor *tensor = px_tensor_find(px_checkpoint_list(checkpoints[i]), name);
        size = px_tensor_count(tensor);
        px_tensor_to_f32(tensor, row);
        for (size_t j = 0; j < size; j++)
            sum[j] = (i ? sum[j] : 0) + (double)row[j];
    }
    for (size_t j = 0; j < size; j++)
        mean[j] = (float)(sum[j] / (double)count);
}

/* The metadata that px_checkpoint_save() does not write itself. */
static size_t extra_metadata(const struct px_tensor_list *list, struct px_metadata *extra)
{
    size_t count = 0;

    for (size_t i = 0; i < list->metadata_count; i++)
        if (!px_checkpoint_network_key(list->metadata[i].key))
            extra[count++] = list->metadata[i];
    return count;
}

struct workspace {
    struct px_tensor *tensors; /* the means, with data in `means` */
    struct px_metadata *extra;
    float *means, *row;
    double *sum;
};

static void clear(struct workspace *w)
{
    free(w->tensors);
    free(w->extra);
    free(w->means);
    free(w->row);
    free(w->sum);
}

static int init(struct workspace *w, const struct px_tensor_list *list, struct px_error *err)
{
    size_t total = 0, most = 0;

    for (size_t i = 0; i < list->count; i++) {
        size_t size = px_tensor_count(&list->tensors[i]);
        total += size; /* of a mapped file: cannot overflow */
        most = size > most ? size : most;
    }
    *w = (struct workspace){
        .tensors = calloc(list->count, sizeof *w->tensors),
        .extra = calloc(list->metadata_count + 1, sizeof *w->extra),
        .means = calloc(total, sizeof *w->means),
        .row = calloc(most, sizeof *w->row),
        .sum = calloc(most, sizeof *w->sum),
    };
    if (w->tensors && w->extra && w->means && w->row && w->sum)
        return 0;
    clear(w);
    return px_fail(err, PX_E_NOMEM, "no memory for the mean of %zu weights", total);
}

int px_average_save(const char *path, const struct px_checkpoint *const *checkpoints,
                    const char *const *names, size_t count, struct px_error *err)
{
    assert(count >= 1);
    const struct px_checkpoint *last = checkpoints[count - 1];
    const struct px_tensor_list *list = px_checkpoint_list(last);
    struct workspace w;
    int rc = 0;

    for (size_t i = 0; i + 1 < count && !rc; i++)
        rc = check_same(list, checkpoints[i], names[i], err);
    if (!rc)
        rc = init(&w, list, err);
    if (rc)
        return rc;
    float *mean = w.means;
    for (size_t i = 0; i < list->count; i++) {
        struct px_tensor *tensor = &w.tensors[i];

        *tensor = list->tensors[i];
        if (!is_real(tensor))
            continue;
        average(checkpoints, count, tensor->name, w.row, w.sum, mean);
        tensor->dtype = PX_F32;
        tensor->data = mean;
        tensor->bytes = px_tensor_count(tensor) * sizeof *mean;
        mean += px_tensor_count(tensor);
    }
    rc = px_checkpoint_save(path, px_checkpoint_network(last), w.tensors, list->count, w.extra,
                            extra_metadata(list, w.extra), PX_DTYPE_AUTO, err);
    clear(&w);
    return rc;
}
