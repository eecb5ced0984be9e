#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "model/checkpoint/parts/checkpoint_parts.h"

/* A place in the file whose tensors look like a generator: all tensors whose names begin with the
 * prefix, which is "" or ends in '.' or '/'. */
struct candidate {
    const char *name; /* begins with the prefix */
    size_t length;    /* of the prefix */
    const void *data; /* of the first convolution */
};

enum { MAX_CANDIDATES = 16 };

struct candidates {
    struct candidate list[MAX_CANDIDATES];
    size_t count;
};

/* The length of what DataParallel or torch.compile() put before a name; 0 for nothing. */
static size_t wrapper_length(const char *name)
{
    static const char *const wrappers[] = {"module.", "_orig_mod."};

    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strncmp(name, wrappers[i], strlen(wrappers[i])) == 0)
            return strlen(wrappers[i]);
    return 0;
}

/* Copies a name without the wrappers at any of its components. */
static void copy_plain(char *to, const char *name)
{
    while (*name) {
        for (size_t n; (n = wrapper_length(name)) > 0;)
            name += n;
        size_t n = strcspn(name, "./");
        n += name[n] != 0; /* with the separator */
        memcpy(to, name, n);
        to += n;
        name += n;
    }
    *to = 0;
}

static int copy_list(struct px_checkpoint_selection *selection, const struct px_tensor_list *all,
                     struct px_error *err)
{
    size_t bytes = 1;

    for (size_t i = 0; i < all->count; i++)
        bytes += strlen(all->tensors[i].name) + 1; /* the names are in memory: no overflow */
    selection->names = malloc(bytes);
    selection->list = *all;
    selection->list.tensors = calloc(all->count + 1, sizeof *all->tensors);
    if (!selection->names || !selection->list.tensors)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu tensors", all->count);
    char *name = selection->names;
    for (size_t i = 0; i < all->count; i++) {
        selection->list.tensors[i] = all->tensors[i];
        selection->list.tensors[i].name = name;
        copy_plain(name, all->tensors[i].name);
        name += strlen(name) + 1;
    }
    px_tensor_list_sort(&selection->list);
    return 0;
}

/* Whether the tensor `name` belongs to PREFIX `last`; *length is that of the prefix. */
static bool has_prefix(const char *name, const char *last, size_t *length)
{
    size_t n = strlen(name), m = strlen(last);

    *length = n - m;
    return n >= m && strcmp(name + n - m, last) == 0 &&
           (n == m || name[n - m - 1] == '.' || name[n - m - 1] == '/');
}

static bool has_convolution(const struct px_tensor_list *list, const struct candidate *candidate,
                            const char *name)
{
    char full[2048];

    if (snprintf(full, sizeof full, "%.*s%s", (int)candidate->length, candidate->name, name) >=
        (int)sizeof full)
        return false;
    const struct px_tensor *tensor = px_tensor_find(list, full);
    return tensor && tensor->ndim == 4;
}

/* Adds the place unless the same tensors were found before, under another name. */
static void add_candidate(struct candidates *candidates, const struct candidate *candidate)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->list[i].data == candidate->data)
            return;
    if (candidates->count < MAX_CANDIDATES)
        candidates->list[candidates->count++] = *candidate;
}

/* Whether a prefix is what --key names: "netG" fits "netG/" and "state_dict/netG.". */
static bool fits_key(const struct candidate *candidate, const char *key)
{
    size_t n = strlen(key);
    const char *end = candidate->name + candidate->length;

    if (candidate->length < n + 1)
        return false;
    const char *begin = end - 1 - n;
    return (strncmp(begin, key, n) == 0 &&
            (begin == candidate->name || begin[-1] == '.' || begin[-1] == '/')) ||
           (strncmp(candidate->name, key, n) == 0 &&
            (candidate->name[n] == '.' || candidate->name[n] == '/'));
}

/* U-Nets and ResNets are known by their outermost convolutions. */
static bool is_generator(const struct px_tensor_list *list, struct candidate *candidate)
{
    return (has_prefix(candidate->name, "model.model.0.weight", &candidate->length) &&
            has_convolution(list, candidate, "model.model.3.weight")) ||
           (has_prefix(candidate->name, "model.1.weight", &candidate->length) &&
            has_convolution(list, candidate, "model.10.conv_block.1.weight"));
}

/* PatchGANs and PixelDiscriminators by their first ones, as far as no U-Net has such. */
static bool is_discriminator(const struct px_tensor_list *list, struct candidate *candidate)
{
    return (has_prefix(candidate->name, "model.0.weight", &candidate->length) &&
            has_convolution(list, candidate, "model.0.weight") &&
            has_convolution(list, candidate, "model.2.weight") &&
            !has_convolution(list, candidate, "model.3.weight")) ||
           (has_prefix(candidate->name, "net.0.weight", &candidate->length) &&
            has_convolution(list, candidate, "net.0.weight") &&
            has_convolution(list, candidate, "net.2.weight"));
}

/* Whether the place holds Adam's moments, which have the names of the weights. */
static bool is_of_adam(const struct candidate *candidate)
{
    static const char *const names[] = {"adam_m.", "adam_v."};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (candidate->length >= n &&
            strncmp(candidate->name + candidate->length - n, names[i], n) == 0)
            return true;
    }
    return false;
}

static void find_candidates(struct candidates *candidates, const struct px_tensor_list *list,
                            enum px_checkpoint_kind kind, const char *key)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct px_tensor *tensor = &list->tensors[i];
        struct candidate candidate = {.name = tensor->name, .data = tensor->data};
        if ((kind == PX_SELECT_G ? is_generator(list, &candidate)
                                 : is_discriminator(list, &candidate)) &&
            !is_of_adam(&candidate) && (!key || fits_key(&candidate, key)))
            add_candidate(candidates, &candidate);
    }
}

static const char *kind_name(enum px_checkpoint_kind kind)
{
    return kind == PX_SELECT_G ? "generator" : "discriminator";
}

/* "netG, netG_ema": where the generators are. */
static void list_candidates(struct px_buffer *text, const struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        const struct candidate *c = &candidates->list[i];
        px_buffer_appendf(text, "%s%.*s", i ? ", " : "",
                          c->length ? (int)(c->length - 1 > 60 ? 60 : c->length - 1) : 11,
                          c->length ? c->name : "the outside");
    }
}

static int refuse_many(const struct candidates *candidates, enum px_checkpoint_kind kind,
                       struct px_error *err)
{
    struct px_buffer text = {0};

    list_candidates(&text, candidates);
    int rc = px_fail(err, PX_E_FORMAT,
                     "the file holds %zu %ss (%s); choose one with pix2pix convert --key NAME",
                     candidates->count, kind_name(kind), px_buffer_text(&text));
    px_buffer_clear(&text);
    return rc;
}

static int refuse_key(const struct px_tensor_list *list, enum px_checkpoint_kind kind,
                      const char *key, struct px_error *err)
{
    struct candidates all = {0};
    struct px_buffer text = {0};

    find_candidates(&all, list, kind, NULL);
    list_candidates(&text, &all);
    int rc = all.count == 0
                 ? px_fail(err, PX_E_FORMAT, "--key %.60s: the file holds no known %s", key,
                           kind_name(kind))
                 : px_fail(err, PX_E_FORMAT, "--key %.60s: no %s has that name; the file holds: %s",
                           key, kind_name(kind), px_buffer_text(&text));
    px_buffer_clear(&text);
    return rc;
}

/* Keeps what belongs to the network, under names without the prefix. */
static void keep(struct px_checkpoint_selection *selection, const struct candidate *chosen)
{
    struct px_tensor_list *list = &selection->list;
    const char *prefix = chosen->name;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct px_tensor tensor = list->tensors[i];
        if (strncmp(tensor.name, prefix, chosen->length) != 0)
            continue;
        tensor.name += chosen->length;
        /* Beside the network's tensors: nested dicts, the counter of AveragedModel, Adam's
         * moments in a state of pix2pix-train. */
        if (!strchr(tensor.name, '/') && strcmp(tensor.name, "n_averaged") != 0 &&
            strncmp(tensor.name, "adam_", 5) != 0)
            list->tensors[kept++] = tensor;
    }
    if (chosen->length)
        snprintf(selection->place, sizeof selection->place, "%.*s", (int)chosen->length - 1,
                 prefix);
    selection->left_out = list->count - kept;
    list->count = kept;
    assert(kept > 0);
}

static int check_names(const struct px_tensor_list *list, struct px_error *err)
{
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->tensors[i].name, list->tensors[i - 1].name) == 0)
            return px_fail(err, PX_E_FORMAT,
                           "tensor '%.100s' appears twice, with and without module. or _orig_mod.",
                           list->tensors[i].name);
    return 0;
}

int px_checkpoint_select(struct px_checkpoint_selection *selection,
                         const struct px_tensor_list *all, enum px_checkpoint_kind kind,
                         const char *key, struct px_error *err)
{
    struct candidates candidates = {0};
    int rc = copy_list(selection, all, err);

    if (rc)
        return rc;
    find_candidates(&candidates, &selection->list, kind, key);
    if (candidates.count > 1)
        return refuse_many(&candidates, kind, err);
    if (candidates.count == 0 && key)
        return refuse_key(&selection->list, kind, key, err);
    if (candidates.count == 0 && kind == PX_SELECT_D)
        return px_fail(err, PX_E_FORMAT, "the file holds no known discriminator");
    if (candidates.count == 1)
        keep(selection, &candidates.list[0]);
    return check_names(&selection->list, err);
}

void px_checkpoint_selection_clear(struct px_checkpoint_selection *selection)
{
    free(selection->list.tensors);
    free(selection->names);
    *selection = (struct px_checkpoint_selection){0};
}
