#include "server/message/reply.h"

#include <stdlib.h>

enum { RETRY_SECONDS = 1 };

void px_reply_clear(struct px_reply *reply)
{
    if (!reply->borrowed)
        free(reply->body);
    *reply = (struct px_reply){0};
}

static void take(struct px_reply *reply, struct px_text *text)
{
    reply->body = (uint8_t *)text->data;
    reply->size = text->size;
    *text = (struct px_text){0};
}

void px_reply_problem(struct px_reply *reply, const struct px_error *err)
{
    struct px_text text = {0};
    int status = px_error_status(err->code);

    px_reply_clear(reply);
    px_text_printf(&text, "{\"type\":\"about:blank\",\"title\":");
    px_text_json(&text, px_error_title(err->code));
    px_text_printf(&text, ",\"status\":%d,\"detail\":", status);
    px_text_json(&text, err->message);
    px_text_printf(&text, "}\n");
    if (px_text_failed(&text))
        px_text_free(&text);
    take(reply, &text);
    reply->status = status;
    reply->content_type = "application/problem+json";
    if (status == 503)
        reply->retry_after = RETRY_SECONDS;
}

void px_reply_text(struct px_reply *reply, int status, const char *content_type,
                   struct px_text *text)
{
    struct px_error err = {0};

    px_reply_clear(reply);
    if (px_text_failed(text)) {
        px_text_free(text);
        px_fail(&err, PX_E_NOMEM, "no memory for the answer; try again later");
        px_reply_problem(reply, &err);
        return;
    }
    take(reply, text);
    reply->status = status;
    reply->content_type = content_type;
}
