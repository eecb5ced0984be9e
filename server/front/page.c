#include "server/front/page.h"

#include <assert.h>
#include <string.h>

static const char *const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct px_web_file *find(const char *path)
{
    const struct px_web_file *file = px_web_files;

    while (file->path && strcmp(file->path, path) != 0)
        file++;
    return file->path ? file : NULL;
}

bool px_page_has(const char *path)
{
    return find(path);
}

void px_page_answer(struct px_reply *reply, const char *path)
{
    const struct px_web_file *file = find(path);

    assert(file);
    *reply = (struct px_reply){
        .status = 200,
        .content_type = file->type,
        .cache = "no-cache",
        .policy = policy,
        .document = true,
        .borrowed = true,
        .body = (uint8_t *)(uintptr_t)file->data, /* borrowed: never written to or freed */
        .size = file->size,
    };
}
