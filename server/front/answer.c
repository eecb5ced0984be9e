#include "server/front/answer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/block.h"
#include "server/message/encoding.h"

enum { COMPRESS_FROM = 512 }; /* bytes; less fits a packet anyway */

/* How long browsers may keep a preflight's answer; by default they ask again after 5 s. */
#define PREFLIGHT_SECONDS "600"

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (value)
        MHD_add_response_header(response, name, value);
}

/* For the file name of Content-Disposition (RFC 6266): ASCII in quotes, and if that is not all of
 * it the whole name, too. */
static void add_file_name(struct MHD_Response *response, const char *name)
{
    struct px_buffer text = {0}, whole = {0};
    bool plain = true;

    px_buffer_append_text(&text, "inline; filename=\"");
    for (const char *s = name; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        bool safe = c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '%';
        px_buffer_appendf(&text, "%c", safe ? c : '_');
        if (safe && strchr(" '()*,/:;<=>?@[]", c) == NULL)
            px_buffer_appendf(&whole, "%c", c);
        else
            px_buffer_appendf(&whole, "%%%02X", c);
        plain = plain && safe;
    }
    px_buffer_append_text(&text, "\"");
    if (!plain)
        px_buffer_appendf(&text, "; filename*=UTF-8''%s", px_buffer_text(&whole));
    if (!text.failed && !whole.failed)
        add(response, "Content-Disposition", px_buffer_text(&text));
    px_buffer_clear(&text);
    px_buffer_clear(&whole);
}

/* Never Access-Control-Allow-Credentials: there is nothing to log in to. */
static void add_origin(struct MHD_Response *response, const struct px_answer *answer)
{
    const struct px_cross_origin *origin = &answer->origin;

    if (origin->varies)
        add(response, "Vary",
            answer->preflight
                ? "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
                : "Origin");
    if (!origin->allowed)
        return;
    add(response, "Access-Control-Allow-Origin", origin->allowed);
    if (answer->preflight) {
        add(response, "Access-Control-Allow-Methods", answer->reply->allow);
        /* OpenAI's client sends a key, which "*" does not cover, and a dozen headers of its own. */
        add(response, "Access-Control-Allow-Headers",
            "Authorization, Content-Type, " PX_JSON_SIZE_HEADER
            ", X-Request-Id, X-Request-Timeout-Ms, *");
        add(response, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
        return;
    }
    add(response, "Access-Control-Expose-Headers",
        "Content-Disposition, " PX_JSON_SIZE_HEADER
        ", RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Server-Timing, "
        "WWW-Authenticate, X-Model-Sha256, X-Request-Id");
    add(response, "Timing-Allow-Origin", origin->allowed);
}

static void add_number(struct MHD_Response *response, const char *name, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)number);
    add(response, name, text);
}

/* The three fields that clients know (draft-ietf-httpapi-ratelimit-headers up to 06). Later
 * drafts have a single one, which few clients read. */
static void add_rate(struct MHD_Response *response, const struct px_rate_state *rate)
{
    if (!rate || rate->limit == 0)
        return;
    add_number(response, "RateLimit-Limit", rate->limit);
    add_number(response, "RateLimit-Remaining", rate->remaining);
    add_number(response, "RateLimit-Reset", rate->reset);
}

static void add_headers(struct MHD_Response *response, const struct px_answer *answer)
{
    const struct px_reply *reply = answer->reply;

    add(response, "Content-Type", reply->content_type);
    add(response, "Cache-Control", reply->cache ? reply->cache : "no-store");
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Content-Security-Policy", reply->policy);
    add(response, "Allow", reply->allow);
    add(response, "Connection", reply->close ? "close" : NULL);
    add(response, "X-Request-Id", answer->id);
    add(response, "Server-Timing", answer->timing);
    add(response, "X-Model-Sha256", answer->model_hash);
    if (answer->file_name)
        add_file_name(response, answer->file_name);
    if (reply->status == MHD_HTTP_UNAUTHORIZED)
        add(response, "WWW-Authenticate", "Bearer realm=\"pix2pixd\"");
    if (reply->retry_after > 0)
        add_number(response, "Retry-After", reply->retry_after);
    if (reply->json_size > 0)
        add_number(response, PX_JSON_SIZE_HEADER, (int64_t)reply->json_size);
    add_rate(response, answer->rate);
    add_origin(response, answer);
}

static void replace_body(struct px_reply *reply, void *body, size_t size)
{
    if (!reply->borrowed)
        px_block_release(reply->body);
    reply->body = body;
    reply->size = size;
    reply->borrowed = false;
}

/* What a document's answer says besides. */
struct variant {
    char tag[PX_ENTITY_TAG_SIZE];
    bool gzip;
};

/* Without memory for the shorter form the document is sent as it is. */
static void choose_variant(struct MHD_Connection *connection, struct px_reply *reply,
                           struct variant *variant)
{
    const struct px_span body = {reply->body, reply->size};
    struct px_buffer gzip = {0};

    px_entity_tag(body, variant->tag);
    if (px_entity_tag_matches(
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match"),
            variant->tag)) {
        replace_body(reply, NULL, 0);
        reply->status = MHD_HTTP_NOT_MODIFIED;
        reply->content_type = NULL;
        return;
    }
    const char *accepted =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
    if (body.size < COMPRESS_FROM || !px_encoding_allows_gzip(accepted))
        return;
    size_t size;
    variant->gzip = px_encoding_gzip(body, &gzip);
    if (variant->gzip) {
        void *data = px_buffer_take(&gzip, &size);
        replace_body(reply, data, size);
    }
    px_buffer_clear(&gzip);
}

/* Without memory even for that the body stays empty, with the right status. */
static void write_problem(const struct px_answer *answer)
{
    struct px_reply *reply = answer->reply;
    struct px_buffer text = {0};

    answer->dialect->write_problem(&text, &reply->problem, answer->id);
    reply->content_type = answer->dialect->problem_type;
    reply->body = px_buffer_take(&text, &reply->size);
}

static struct MHD_Response *create_response(const struct px_reply *reply)
{
    if (reply->borrowed || !reply->body)
        return MHD_create_response_from_buffer(reply->size, reply->body, MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer_with_free_callback(reply->size, reply->body,
                                                              px_block_release);
}

enum MHD_Result px_answer_queue(struct MHD_Connection *connection, const struct px_answer *answer)
{
    struct px_reply *reply = answer->reply;
    struct variant variant = {0};

    assert(reply->status != 0);
    if (reply->problem.code != 0)
        write_problem(answer);
    if (reply->document && reply->status == MHD_HTTP_OK)
        choose_variant(connection, reply, &variant);
    struct MHD_Response *response = create_response(reply);
    if (!response)
        return MHD_NO;
    if (!reply->borrowed)
        reply->body = NULL; /* the response owns it now */
    add_headers(response, answer);
    if (reply->document) {
        add(response, "ETag", variant.tag);
        add(response, "Vary", "Accept-Encoding");
        add(response, "Content-Encoding", variant.gzip ? "gzip" : NULL);
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}
