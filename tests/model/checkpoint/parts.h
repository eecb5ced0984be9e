#ifndef TESTS_MODEL_CHECKPOINT_PARTS_H
#define TESTS_MODEL_CHECKPOINT_PARTS_H

/* A checkpoint taken apart, to be changed and written again by a test. Include it after
 * tests/check.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/checkpoint/checkpoint.h"
#include "model/formats/safetensors.h"

static char folder[64];
static char scratch[96];

static inline const char *source_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", getenv("PX_TESTS"), name);
    return path;
}

static inline struct px_checkpoint *open_good(const char *path)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};

    if (px_checkpoint_open(&checkpoint, path, &err) != 0)
        fail_msg("%s", err.message);
    return checkpoint;
}

/* The tensors of unet_32.safetensors (ngf 2, 3 -> 2, batch norm), to be changed by a test. */
struct parts {
    struct px_checkpoint *source;
    struct px_tensor tensors[64];
    size_t count;
};

static inline struct parts take_apart(void)
{
    struct parts parts = {.source = open_good(source_path("model/data/unet_32.safetensors"))};

    parts.count = px_checkpoint_list(parts.source)->count;
    for (size_t i = 0; i < parts.count; i++)
        parts.tensors[i] = px_checkpoint_list(parts.source)->tensors[i];
    return parts;
}

static inline struct px_tensor *part(struct parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->count; i++)
        if (strcmp(parts->tensors[i].name, name) == 0)
            return &parts->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

/* Removes all tensors whose name ends in `suffix`. */
static inline void drop(struct parts *parts, const char *suffix)
{
    size_t kept = 0;
    size_t n = strlen(suffix);

    for (size_t i = 0; i < parts->count; i++) {
        size_t length = strlen(parts->tensors[i].name);
        if (length < n || strcmp(parts->tensors[i].name + length - n, suffix) != 0)
            parts->tensors[kept++] = parts->tensors[i];
    }
    assert_true(kept < parts->count);
    parts->count = kept;
}

static inline void write_parts(const struct parts *parts, const char *key, const char *value)
{
    const struct px_metadata metadata = {key, value};
    struct px_error err = {0};

    if (px_safetensors_save(scratch, parts->tensors, parts->count, &metadata, key ? 1 : 0, &err))
        fail_msg("%s", err.message);
}

/* Writes the parts and expects a FORMAT error that names the file and says `message`. */
static inline void refused(struct parts *parts, const char *key, const char *value,
                           const char *message)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};

    write_parts(parts, key, value);
    px_checkpoint_close(parts->source);
    int rc = px_checkpoint_open(&checkpoint, scratch, &err);
    if (rc != -PX_E_FORMAT || !strstr(err.message, message))
        fail_msg("expected '%s', got %d: %s", message, rc, err.message);
    assert_ptr_equal(strstr(err.message, scratch), err.message);
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/px-checkpoint-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(scratch, sizeof scratch, "%s/g.safetensors", folder);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    unlink(scratch);
    return rmdir(folder);
}

#endif
