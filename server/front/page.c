#include "server/front/page.h"

#include <string.h>

static const char *const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool px_page_answer(struct px_reply *reply, const char *path)
{
    for (const struct px_web_file *file = px_web_files; file->path; file++)
        if (strcmp(file->path, path) == 0) {
            *reply = (struct px_reply){
                .status = 200,
                .content_type = file->type,
                .cache = "no-cache",
                .policy = policy,
                .borrowed = true,
                .body = (uint8_t *)(uintptr_t)file->data, /* borrowed: never written to or freed */
                .size = file->size,
            };
            return true;
        }
    return false;
}
