#include "server/message/reply.h"

#include <assert.h>
#include <stdlib.h>

#include "server/message/json_text.h"

enum { RETRY_SECONDS = 1 };

void px_reply_clear(struct px_reply *reply)
{
    if (!reply->borrowed)
        free(reply->body);
    *reply = (struct px_reply){0};
}

void px_reply_problem(struct px_reply *reply, const struct px_error *err)
{
    assert(err->code != 0);
    px_reply_clear(reply);
    reply->problem = *err;
    reply->status = px_error_status(err->code);
    reply->content_type = "application/problem+json";
    if (reply->status == 503)
        reply->retry_after = RETRY_SECONDS;
}

void px_reply_write_problem(struct px_reply *reply, const char *id)
{
    const struct px_error *problem = &reply->problem;
    struct px_buffer text = {0};

    if (problem->code == 0 || reply->body)
        return;
    px_buffer_appendf(&text, "{\"type\":\"about:blank\",\"title\":");
    px_json_append_string(&text, px_error_title(problem->code));
    px_buffer_appendf(&text, ",\"id\":");
    px_json_append_string(&text, id);
    px_buffer_appendf(&text, ",\"status\":%d,\"detail\":", reply->status);
    px_json_append_string(&text, problem->message);
    px_buffer_appendf(&text, "}\n");
    reply->body = px_buffer_take(&text, &reply->size);
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
