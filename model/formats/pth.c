#include "model/formats/pth.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/formats/identify.h"
#include "model/formats/map.h"
#include "model/formats/parts/pth_parts.h"

struct px_pth {
    struct px_map map; /* empty if the memory is the caller's */
    struct px_pth_content content;
    struct px_pth_copies copies;
};

enum pth_kind { ZIP, TAR, PICKLE, OTHER };

static enum pth_kind kind_of(const uint8_t *data, size_t size)
{
    enum { TAR_MARK = 257 };

    if (size > 8 && data[8] == '{') /* safetensors */
        return OTHER;
    if (size >= 4 && memcmp(data, "PK\3\4", 4) == 0)
        return ZIP;
    if (size >= TAR_MARK + 5 && memcmp(data + TAR_MARK, "ustar", 5) == 0)
        return TAR;
    return size >= 2 && data[0] == 0x80 && data[1] <= 5 ? PICKLE : OTHER;
}

bool px_pth_sniff(const uint8_t *data, size_t size)
{
    return kind_of(data, size) != OTHER;
}

static int read_values(struct px_pth *file, struct px_pickle *pickle,
                       struct px_pth_storages *storages, struct px_span data, struct px_error *err)
{
    const char *kind = px_identify(data.data, data.size);

    switch (kind_of(data.data, data.size)) {
    case ZIP:
        return px_pth_zip_read(pickle, storages, &file->copies, data, err);
    case PICKLE:
        return px_pth_legacy_read(pickle, storages, data.data, data.size, err);
    case TAR:
        return px_fail(err, PX_E_FORMAT,
                       "a tar archive: if PyTorch before 0.1.10 wrote it, load it with PyTorch and "
                       "save its state_dict again; else unpack it");
    case OTHER:
        break;
    }
    return px_fail(err, PX_E_FORMAT, "%s", kind ? kind : "not a file of torch.save()");
}

/* Weights hardly shrink; what does are zeros, so that this much is more than any file needs. */
static size_t inflate_budget(size_t size)
{
    enum { RATIO = 16, ALLOWANCE = 16 << 20 };
    size_t budget;

    return px_mul(size, RATIO, &budget) && px_add(budget, ALLOWANCE, &budget) ? budget : SIZE_MAX;
}

int px_pth_parse(struct px_pth **out, const uint8_t *data, size_t size, struct px_error *err)
{
    struct px_pickle pickle = {0};
    struct px_pth_storages storages = {0};
    struct px_pth *file = calloc(1, sizeof *file);

    if (!file)
        return px_fail(err, PX_E_NOMEM, "no memory for a .pth file");
    file->copies.budget = size;
    file->copies.inflate_budget = inflate_budget(size);
    int rc = read_values(file, &pickle, &storages, (struct px_span){data, size}, err);
    if (!rc)
        rc = px_pth_walk(&file->content, &pickle.root, &storages, &file->copies, err);
    px_pickle_clear(&pickle);
    free(storages.list);
    if (rc) {
        px_pth_close(file);
        return rc;
    }
    *out = file;
    return 0;
}

int px_pth_open(struct px_pth **out, const char *path, struct px_error *err)
{
    struct px_map map;
    int rc = px_map_open(&map, path, err);

    if (rc)
        return rc;
    rc = px_pth_parse(out, map.data, map.size, err);
    if (!rc) {
        (*out)->map = map;
        return 0;
    }
    px_map_close(&map);
    px_error_prefix(err, path);
    return rc;
}

void px_pth_close(struct px_pth *file)
{
    if (!file)
        return;
    while (file->copies.first) {
        struct px_pth_copy *copy = file->copies.first;
        file->copies.first = copy->next;
        free(copy);
    }
    free(file->content.list.tensors);
    px_map_close(&file->map);
    free(file);
}

const struct px_tensor_list *px_pth_list(const struct px_pth *file)
{
    return &file->content.list;
}

const char *px_pth_skipped(const struct px_pth *file)
{
    return file->content.skipped;
}
