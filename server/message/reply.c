#include "server/message/reply.h"

#include <assert.h>

#include "base/block.h"

enum { RETRY_SECONDS = 1 };

void px_reply_clear(struct px_reply *reply)
{
    if (!reply->borrowed)
        px_block_release(reply->body);
    *reply = (struct px_reply){0};
}

void px_reply_problem(struct px_reply *reply, const struct px_error *err)
{
    assert(err->code != 0);
    px_reply_clear(reply);
    reply->problem = *err;
    reply->status = px_error_status(err->code);
    if (reply->status == 503)
        reply->retry_after = RETRY_SECONDS;
}

void px_reply_text(struct px_reply *reply, int status, const char *content_type,
                   struct px_buffer *text)
{
    struct px_error err = {0};

    px_reply_clear(reply);
    if (text->failed) {
        px_buffer_clear(text);
        px_fail(&err, PX_E_NOMEM, "no memory for the answer; try again later");
        px_reply_problem(reply, &err);
        return;
    }
    reply->body = px_buffer_take(text, &reply->size);
    reply->status = status;
    reply->content_type = content_type;
}
