#include "server/models/content_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { HASH_PIECE = 1 << 20 };

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct px_file_stamp px_file_stamp_of(const struct stat *status)
{
    return (struct px_file_stamp){.device = (uint64_t)status->st_dev,
                                  .inode = (uint64_t)status->st_ino,
                                  .size = (uint64_t)status->st_size,
                                  .modified_ns = nanoseconds(status->st_mtim),
                                  .changed_ns = nanoseconds(status->st_ctim)};
}

bool px_file_stamp_equals(const struct px_file_stamp *a, const struct px_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

/* By reading: a mapped file that is truncated meanwhile would end the process. */
static int hash_all(int fd, const char *path, uint8_t digest[static PX_SHA256_SIZE],
                    struct px_error *err)
{
    struct px_sha256 hash;
    uint8_t *piece = malloc(HASH_PIECE);
    ssize_t n = 0;

    if (!piece)
        return px_fail(err, PX_E_NOMEM, "no memory to read %.200s", path);
    px_sha256_init(&hash);
    while ((n = read(fd, piece, HASH_PIECE)) > 0)
        px_sha256_add(&hash, piece, (size_t)n);
    free(piece);
    if (n < 0)
        return px_fail(err, PX_E_IO, "cannot read %.200s: %s", path, strerror(errno));
    px_sha256_finish(&hash, digest);
    return 0;
}

static int check_stamp(int fd, const char *path, const struct px_file_stamp *stamp,
                       struct px_error *err)
{
    struct stat status;

    if (fstat(fd, &status) == 0) {
        const struct px_file_stamp now = px_file_stamp_of(&status);
        if (px_file_stamp_equals(&now, stamp))
            return 0;
    }
    return px_fail(err, PX_E_IO, "%.200s was written to while it was loaded; load it again", path);
}

int px_content_hash(const char *path, const struct px_file_stamp *stamp,
                    char hex[static PX_SHA256_HEX_SIZE], struct px_error *err)
{
    uint8_t digest[PX_SHA256_SIZE];
    struct stat status;
    int fd;
    int rc = px_file_open_regular(path, &fd, &status, err);

    if (rc < 0)
        return rc;
    rc = hash_all(fd, path, digest, err);
    if (rc == 0)
        rc = check_stamp(fd, path, stamp, err);
    close(fd);
    if (rc == 0)
        px_sha256_hex(digest, hex);
    return rc;
}
