#include "model/formats/parts/pth_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/formats/little.h"

/* The format before PyTorch 1.6: five pickles (magic number, version, system, object, keys of the
 * storages), then for each key a 64-bit number of elements and the elements. */

/* The magic number as a pickle, after the two bytes of its protocol. From protocol 4 on a frame of
 * that length comes before it. */
static const uint8_t magic[] = {0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
static const uint8_t frame[] = {0x95, sizeof magic, 0, 0, 0, 0, 0, 0, 0};

enum { PROTOCOL = 1001 };

struct input {
    const uint8_t *data;
    size_t size;
    size_t at;
};

static int read_pickle(struct px_pickle *pickle, struct input *in, struct px_error *err)
{
    int rc = px_pickle_read(pickle, in->data + in->at, in->size - in->at, err);

    if (!rc)
        in->at += pickle->size;
    return rc;
}

static int check_version(struct input *in, struct px_error *err)
{
    struct px_pickle pickle;
    int rc = read_pickle(&pickle, in, err);

    if (rc)
        return rc;
    if (pickle.root.kind != PX_PICKLE_INT || pickle.root.number != PROTOCOL)
        rc = px_fail(err, PX_E_FORMAT, "torch.save() of another version: not %d", PROTOCOL);
    px_pickle_clear(&pickle);
    return rc;
}

static int check_system(struct input *in, struct px_error *err)
{
    static const char key[] = "little_endian";
    struct px_pickle pickle;
    bool little = false;
    int rc = read_pickle(&pickle, in, err);

    if (rc)
        return rc;
    const struct px_pickle_value *root = &pickle.root;
    for (size_t i = 0; root->kind == PX_PICKLE_DICT && i + 1 < root->node->count; i += 2) {
        const struct px_pickle_value *item = &root->node->items[i];
        if (item->kind == PX_PICKLE_STRING && item->size == sizeof key - 1 &&
            memcmp(item->text, key, item->size) == 0)
            little = item[1].kind == PX_PICKLE_BOOL && item[1].number;
    }
    if (!little)
        rc = px_fail(err, PX_E_FORMAT, "the file was saved on a big-endian machine");
    px_pickle_clear(&pickle);
    return rc;
}

/* Finds the storage that a key names, which must not have a place yet. */
static int find_storage(struct px_pth_storage **storage, const struct px_pth_storages *storages,
                        const struct px_pickle_value *value, struct px_error *err)
{
    char key[sizeof(*storage)->key] = "";

    if (value->kind == PX_PICKLE_STRING && value->size < sizeof key) {
        memcpy(key, value->text, value->size);
        key[value->size] = 0;
    }
    *storage = px_pth_storage_find(storages, key);
    if (!*storage)
        return px_fail(err, PX_E_FORMAT, "the file lists a storage that no tensor uses");
    if ((*storage)->data)
        return px_fail(err, PX_E_FORMAT, "storage '%s' is listed twice", key);
    return 0;
}

static int place_storage(struct px_pth_storage *storage, struct input *in, struct px_error *err)
{
    size_t left = in->size - in->at;

    if (left < 8 || left - 8 < storage->bytes)
        return px_fail(err, PX_E_FORMAT, "storage '%s' of %zu bytes is cut short: %zu are left",
                       storage->key, storage->bytes, left < 8 ? 0 : left - 8);
    if (px_u64(in->data + in->at) != storage->count)
        return px_fail(err, PX_E_FORMAT, "storage '%s' has %llu elements, its tensors need %zu",
                       storage->key, (unsigned long long)px_u64(in->data + in->at), storage->count);
    storage->data = in->data + in->at + 8;
    in->at += 8 + storage->bytes;
    return 0;
}

static int place_storages(struct px_pth_storages *storages, struct input *in, struct px_error *err)
{
    struct px_pickle keys;
    struct px_pth_storage *storage;
    int rc = read_pickle(&keys, in, err);

    if (rc)
        return rc;
    if (keys.root.kind != PX_PICKLE_LIST)
        rc = px_fail(err, PX_E_FORMAT, "the keys of the storages are %s, not a list",
                     px_pickle_kind_name(keys.root.kind));
    for (size_t i = 0; !rc && i < keys.root.node->count; i++) {
        rc = find_storage(&storage, storages, &keys.root.node->items[i], err);
        if (!rc)
            rc = place_storage(storage, in, err);
    }
    px_pickle_clear(&keys);
    for (size_t i = 0; !rc && i < storages->count; i++)
        if (!storages->list[i].data)
            rc = px_fail(err, PX_E_FORMAT, "storage '%s' is used, but not in the file",
                         storages->list[i].key);
    if (!rc && in->at != in->size)
        rc = px_fail(err, PX_E_FORMAT, "%zu bytes follow the last storage", in->size - in->at);
    return rc;
}

static bool skip(struct input *in, const uint8_t *bytes, size_t size)
{
    if (in->size - in->at < size || memcmp(in->data + in->at, bytes, size) != 0)
        return false;
    in->at += size;
    return true;
}

int px_pth_legacy_read(struct px_pickle *pickle, struct px_pth_storages *storages,
                       const uint8_t *data, size_t size, struct px_error *err)
{
    struct input in = {.data = data, .size = size, .at = 2};

    assert(size >= 2 && data[0] == 0x80); /* px_pth_sniff() */
    skip(&in, frame, sizeof frame);
    if (!skip(&in, magic, sizeof magic))
        return px_fail(err, PX_E_FORMAT,
                       "a pickle, but not one of torch.save(); save the state_dict with "
                       "torch.save(net.state_dict(), ...)");
    int rc = check_version(&in, err);
    if (!rc)
        rc = check_system(&in, err);
    if (!rc)
        rc = read_pickle(pickle, &in, err);
    if (!rc)
        rc = px_pth_storages_read(storages, pickle, err);
    if (!rc && storages->unknown)
        rc = px_fail(err, PX_E_FORMAT,
                     "a tensor is stored as '%s.%s', and where it ends is not known; save the file "
                     "again with a newer PyTorch",
                     storages->unknown->module, storages->unknown->name);
    if (!rc)
        rc = place_storages(storages, &in, err);
    return rc;
}
