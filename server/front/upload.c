#include "server/front/upload.h"

#include <assert.h>
#include <string.h>

#include "base/block.h"

enum { FIRST_CAPACITY = 64 << 10 };

/* At least doubles the block, but makes it no larger than the body is said to become. */
static int grow(struct px_upload *upload, struct px_owned_bytes *body, size_t needed,
                struct px_error *err)
{
    size_t capacity = upload->capacity > SIZE_MAX / 2 ? needed : 2 * upload->capacity;

    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    if (upload->announced > 0 && capacity > upload->announced)
        capacity = upload->announced;
    if (capacity < needed)
        capacity = needed;
    uint8_t *data = px_block_grow(body->data, capacity);
    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory for the body; try again later");
    body->data = data;
    upload->capacity = capacity;
    return 0;
}

int px_upload_add(struct px_upload *upload, struct px_owned_bytes *body, struct px_span piece,
                  struct px_error *err)
{
    int rc = 0;

    assert(body->size <= upload->capacity && body->size == upload->counted);
    if (body->size > upload->limit || piece.size > upload->limit - body->size)
        return px_fail(err, PX_E_TOO_LARGE,
                       "the body is larger than the limit of %zu bytes; send a smaller picture",
                       upload->limit);
    if (!px_budget_take(upload->budget, piece.size))
        return px_fail(
            err, PX_E_BUSY,
            "the bodies of current requests would exceed --request-memory; try again later");
    if (body->size + piece.size > upload->capacity)
        rc = grow(upload, body, body->size + piece.size, err);
    if (rc < 0) {
        px_budget_release(upload->budget, piece.size);
        return rc;
    }
    upload->counted += piece.size;
    memcpy(body->data + body->size, piece.data, piece.size);
    body->size += piece.size;
    return 0;
}

void px_upload_clear(struct px_upload *upload)
{
    px_budget_release(upload->budget, upload->counted);
    upload->counted = upload->capacity = 0;
}
