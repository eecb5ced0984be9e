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
                       "a zip archive, but none of torch.save(): '%.100s' lies in "
                       "no folder",
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

static int check_kind(const struct px_zip *zip, const char *folder, struct px_error *err)
{
    const struct px_zip_entry *order = find(zip, folder, "byteorder");

    if (find(zip, folder, "constants.pkl"))
        return px_fail(err, PX_E_FORMAT,
                       "a TorchScript archive: load it with torch.jit.load() and save its "
                       "state_dict() with torch.save()");
    if (!find(zip, folder, "data.pkl"))
        return px_fail(err, PX_E_FORMAT,
                       "a zip archive, but none of torch.save(): it has no data.pkl");
    if (order && px_zip_check(order, err) != 0)
        return -PX_E_FORMAT;
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return px_fail(err, PX_E_FORMAT, "the file was saved on a big-endian machine");
    return 0;
}

static int find_storage(struct px_pth_storage *storage, const struct px_zip *zip,
                        const char *folder, struct px_error *err)
{
    char name[80];

    snprintf(name, sizeof name, "data/%s", storage->key);
    const struct px_zip_entry *entry = find(zip, folder, name);
    if (!entry)
        return px_fail(err, PX_E_FORMAT, "storage '%s' is not in the zip archive", storage->key);
    if (entry->size != storage->bytes)
        return px_fail(err, PX_E_FORMAT,
                       "storage '%s' has %zu bytes, its %zu elements of %s need %zu", storage->key,
                       entry->size, storage->count, px_dtype_name(storage->dtype), storage->bytes);
    storage->data = entry->data;
    return px_zip_check(entry, err);
}

static int read_records(struct px_pickle *pickle, struct px_pth_storages *storages,
                        const struct px_zip *zip, struct px_error *err)
{
    char folder[400];
    int rc = find_folder(folder, sizeof folder, zip, err);

    if (!rc)
        rc = check_kind(zip, folder, err);
    if (rc)
        return rc;
    const struct px_zip_entry *entry = find(zip, folder, "data.pkl");
    rc = px_zip_check(entry, err);
    if (!rc)
        rc = px_pickle_read(pickle, entry->data, entry->size, err);
    if (rc)
        return rc;
    if (pickle->size != entry->size)
        return px_fail(err, PX_E_FORMAT, "%zu bytes follow the pickle in data.pkl",
                       entry->size - pickle->size);
    rc = px_pth_storages_read(storages, pickle, err);
    for (size_t i = 0; !rc && i < storages->count; i++)
        rc = find_storage(&storages->list[i], zip, folder, err);
    return rc;
}

int px_pth_zip_read(struct px_pickle *pickle, struct px_pth_storages *storages, const uint8_t *data,
                    size_t size, struct px_error *err)
{
    struct px_zip zip;
    int rc = px_zip_read(&zip, data, size, err);

    if (rc)
        return rc;
    rc = read_records(pickle, storages, &zip, err);
    px_zip_release(&zip);
    return rc;
}
