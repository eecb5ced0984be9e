#ifndef TESTS_MODEL_FORMATS_ARCHIVE_H
#define TESTS_MODEL_FORMATS_ARCHIVE_H

/* Builds zip archives in memory for tests. Include it after tests/check.h. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* An archive as torch.save() lays it out, built in memory so that a test can spoil any field. */
struct archive {
    uint8_t data[4096];
    size_t size;
    struct {
        const char *name;
        size_t header, content, bytes; /* places: local header, content */
        size_t central;                /* place of the record in the directory */
        uint32_t crc;
    } entries[8];
    int count;
    size_t directory, end64, locator, end; /* places */
};

static inline void put(struct archive *a, uint64_t value, size_t bytes)
{
    memcpy(a->data + a->size, &value, bytes);
    a->size += bytes;
}

static inline void put_text(struct archive *a, const void *text, size_t size)
{
    memcpy(a->data + a->size, text, size);
    a->size += size;
}

static inline void set(struct archive *a, size_t place, uint64_t value, size_t bytes)
{
    memcpy(a->data + place, &value, bytes);
}

static inline void add_bytes(struct archive *a, const char *name, const void *content, size_t size)
{
    int i = a->count++;

    a->entries[i].name = name;
    a->entries[i].header = a->size;
    a->entries[i].bytes = size;
    a->entries[i].crc = (uint32_t)crc32(0, content, (unsigned)size);
    put(a, 0x04034b50, 4);
    put(a, 0, 2);      /* version */
    put(a, 0x0808, 2); /* descriptor follows, UTF-8 */
    put(a, 0, 2);      /* stored */
    put(a, 0, 4);      /* time */
    put(a, 0, 4);      /* checksum and sizes: told later */
    put(a, 0, 8);
    put(a, strlen(name), 2);
    put(a, 6, 2);
    put_text(a, name, strlen(name));
    put_text(a, "FB\2\0ZZ", 6);
    a->entries[i].content = a->size;
    put_text(a, content, size);
    put(a, 0x08074b50, 4);
    put(a, a->entries[i].crc, 4);
    put(a, size, 4);
    put(a, size, 4);
}

static inline void add(struct archive *a, const char *name, const char *text)
{
    add_bytes(a, name, text, strlen(text));
}

static inline void finish(struct archive *a)
{
    a->directory = a->size;
    for (int i = 0; i < a->count; i++) {
        a->entries[i].central = a->size;
        put(a, 0x02014b50, 4);
        put(a, 0, 4);
        put(a, 0x0808, 2);
        put(a, 0, 2);
        put(a, 0, 4);
        put(a, a->entries[i].crc, 4);
        put(a, a->entries[i].bytes, 4);
        put(a, a->entries[i].bytes, 4);
        put(a, strlen(a->entries[i].name), 2);
        put(a, 0, 8);
        put(a, 0, 4);
        put(a, a->entries[i].header, 4);
        put_text(a, a->entries[i].name, strlen(a->entries[i].name));
    }
    size_t bytes = a->size - a->directory;
    a->end64 = a->size;
    put(a, 0x06064b50, 4);
    put(a, 44, 8);
    put(a, 0, 4);
    put(a, 0, 8);
    put(a, (uint64_t)a->count, 8);
    put(a, (uint64_t)a->count, 8);
    put(a, bytes, 8);
    put(a, a->directory, 8);
    a->locator = a->size;
    put(a, 0x07064b50, 4);
    put(a, 0, 4);
    put(a, a->end64, 8);
    put(a, 1, 4);
    a->end = a->size;
    put(a, 0x06054b50, 4);
    put(a, 0, 4);
    put(a, (uint64_t)a->count, 2);
    put(a, (uint64_t)a->count, 2);
    put(a, bytes, 4);
    put(a, a->directory, 4);
    put(a, 0, 2);
}

/* A block of exactly the archive's size. */
static inline uint8_t *exact(const struct archive *a)
{
    uint8_t *data = malloc(a->size);

    assert_non_null(data);
    memcpy(data, a->data, a->size);
    return data;
}

#endif
