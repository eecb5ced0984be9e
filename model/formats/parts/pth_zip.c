#include "model/formats/parts/pth_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/formats/parts/zip.h"

/* All records lie in one folder: the name of the saved file, or `archive`. */
static int find_folder(char *folder, size_t room, const struct px_zip *zip, struct px_error *err)
{
    size_t length = strcspn(zip->first, "/") + 1;

    if (!strchr(zip->first, '/') || length >= room)
        return px_fail(err, PX_E_FORMAT,
                       "a zip archive, but not one of torch.save(): '%.100s' is not in a folder",
                       zip->first);
    memcpy(folder, zip->first, length);
    folder[length] = 0;
    for (size_t i = 0; i < zip->count; i++)
        if (strncmp(zip->entries[i].name, folder, length) != 0)
            return px_fail(err, PX_E_FORMAT, "zip entry '%.100s' is not in the folder '%.60s'",
                           zip->entries[i].name, folder);
    return 0;
}

/* The entry FOLDER/NAME or NULL. */
static const struct px_zip_entry *find(const struct px_zip *zip, const char *folder,
                                       const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s%s", folder, name);
    return px_zip_find(zip, path);
}

/* The bytes of an entry, inflated if need be. */
static int open_entry(struct px_span *out, const struct px_zip_entry *entry,
                      struct px_pth_copies *copies, struct px_error *err)
{
    *out = (struct px_span){entry->data, entry->full};
    if (entry->method != PX_ZIP_DEFLATED)
        return px_zip_check(entry, err);
    if (entry->full > copies->inflate_budget)
        return px_fail(err, PX_E_FORMAT,
                       "zip entry '%.100s' inflates to %zu bytes, which is too much for a file of "
                       "this size",
                       entry->name, entry->full);
    copies->inflate_budget -= entry->full;
    uint8_t *data = px_pth_copies_add(copies, entry->full);
    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory for zip entry '%.100s' of %zu bytes",
                       entry->name, entry->full);
    out->data = data;
    return px_zip_inflate(entry, data, err);
}

static int check_kind(const struct px_zip *zip, const char *folder, struct px_pth_copies *copies,
                      struct px_error *err)
{
    const struct px_zip_entry *order = find(zip, folder, "byteorder");

    if (find(zip, folder, "constants.pkl"))
        return px_fail(err, PX_E_FORMAT,
                       "a TorchScript archive: load it with torch.jit.load() and save its "
                       "state_dict() with torch.save()");
    if (!find(zip, folder, "data.pkl"))
        return px_fail(err, PX_E_FORMAT,
                       "a zip archive, but not one of torch.save(): it has no data.pkl; if a .pth "
                       "is packed in it, unpack it");
    struct px_span text = {0};
    int rc = order ? open_entry(&text, order, copies, err) : 0;
    if (!rc && order && (text.size != 6 || memcmp(text.data, "little", 6) != 0))
        return px_fail(err, PX_E_FORMAT, "the file was saved on a big-endian machine");
    return rc;
}

static int find_storage(struct px_pth_storage *storage, const struct px_zip *zip,
                        const char *folder, struct px_pth_copies *copies, struct px_error *err)
{
    struct px_span bytes;
    char name[80];

    snprintf(name, sizeof name, "data/%s", storage->key);
    const struct px_zip_entry *entry = find(zip, folder, name);
    if (!entry)
        return px_fail(err, PX_E_FORMAT, "storage '%s' is not in the zip archive", storage->key);
    if (entry->full != storage->bytes)
        return px_fail(err, PX_E_FORMAT, "storage '%s' has %zu bytes, its %zu elements need %zu",
                       storage->key, entry->full, storage->count, storage->bytes);
    int rc = open_entry(&bytes, entry, copies, err);
    storage->data = bytes.data;
    return rc;
}

static int read_records(struct px_pickle *pickle, struct px_pth_storages *storages,
                        const struct px_zip *zip, struct px_pth_copies *copies,
                        struct px_error *err)
{
    struct px_span code;
    char folder[400];
    int rc = find_folder(folder, sizeof folder, zip, err);

    if (!rc)
        rc = check_kind(zip, folder, copies, err);
    if (rc)
        return rc;
    rc = open_entry(&code, find(zip, folder, "data.pkl"), copies, err);
    if (!rc)
        rc = px_pickle_read(pickle, code.data, code.size, err);
    if (rc)
        return rc;
    if (pickle->size != code.size)
        return px_fail(err, PX_E_FORMAT, "%zu bytes follow the pickle in data.pkl",
                       code.size - pickle->size);
    rc = px_pth_storages_read(storages, pickle, err);
    for (size_t i = 0; !rc && i < storages->count; i++)
        rc = find_storage(&storages->list[i], zip, folder, copies, err);
    return rc;
}

int px_pth_zip_read(struct px_pickle *pickle, struct px_pth_storages *storages,
                    struct px_pth_copies *copies, struct px_span data, struct px_error *err)
{
    struct px_zip zip;
    int rc = px_zip_read(&zip, data.data, data.size, err);

    if (rc)
        return rc;
    rc = read_records(pickle, storages, &zip, copies, err);
    px_zip_clear(&zip);
    return rc;
}
