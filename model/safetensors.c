#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/safetensors_header.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are read as they lie");

struct px_safetensors {
    void *map; /* NULL where the memory is the caller's */
    size_t map_size;
    struct px_safetensors_header header;
};

int px_safetensors_parse(struct px_safetensors **out, const uint8_t *data, size_t size,
                         struct px_error *err)
{
    struct px_safetensors *file = calloc(1, sizeof *file);

    if (!file)
        return px_fail(err, PX_E_NOMEM, "no memory for a safetensors file");
    int rc = px_safetensors_header_read(&file->header, data, size, err);
    if (rc) {
        free(file);
        return rc;
    }
    *out = file;
    return 0;
}

/* Maps a regular file. An empty one has no map: *map is NULL. */
static int map_file(int fd, void **map, size_t *size, struct px_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return px_fail(err, PX_E_IO, "not a regular file");
    *size = (size_t)st.st_size;
    *map = NULL;
    if (*size == 0)
        return 0;
    *map = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (*map != MAP_FAILED)
        return 0;
    *map = NULL;
    return px_fail(err, errno == ENOMEM ? PX_E_NOMEM : PX_E_IO, "cannot map %zu bytes: %s", *size,
                   strerror(errno));
}

static int open_map(struct px_safetensors **out, int fd, struct px_error *err)
{
    void *map = NULL;
    size_t size = 0;
    int rc = map_file(fd, &map, &size, err);

    if (rc)
        return rc;
    rc = px_safetensors_parse(out, map, size, err);
    if (!rc) {
        (*out)->map = map;
        (*out)->map_size = size;
    } else if (map) {
        munmap(map, size);
    }
    return rc;
}

int px_safetensors_open(struct px_safetensors **out, const char *path, struct px_error *err)
{
    /* O_NONBLOCK: a FIFO in a models folder must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO, "%s: cannot open: %s", path,
                       strerror(errno));
    int rc = open_map(out, fd, err);
    close(fd);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

void px_safetensors_close(struct px_safetensors *file)
{
    if (!file)
        return;
    px_safetensors_header_release(&file->header);
    if (file->map)
        munmap(file->map, file->map_size);
    free(file);
}

size_t px_safetensors_count(const struct px_safetensors *file)
{
    return file->header.count;
}

const struct px_tensor *px_safetensors_at(const struct px_safetensors *file, size_t index)
{
    return &file->header.tensors[index];
}

static int name_of_tensor(const void *name, const void *tensor)
{
    return strcmp(name, ((const struct px_tensor *)tensor)->name);
}

const struct px_tensor *px_safetensors_find(const struct px_safetensors *file, const char *name)
{
    return bsearch(name, file->header.tensors, file->header.count, sizeof *file->header.tensors,
                   name_of_tensor);
}

size_t px_safetensors_metadata_count(const struct px_safetensors *file)
{
    return file->header.metadata_count;
}

struct px_metadata px_safetensors_metadata_at(const struct px_safetensors *file, size_t index)
{
    return file->header.metadata[index];
}

const char *px_safetensors_metadata(const struct px_safetensors *file, const char *key)
{
    for (size_t i = 0; i < file->header.metadata_count; i++)
        if (strcmp(file->header.metadata[i].key, key) == 0)
            return file->header.metadata[i].value;
    return NULL;
}
