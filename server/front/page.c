#include "server/front/page.h"

/* Made by web/embed. */
extern const unsigned char px_web_html[], px_web_script[], px_web_house[], px_web_style[];
extern const size_t px_web_html_size, px_web_script_size, px_web_house_size, px_web_style_size;

static void answer(struct px_reply *reply, const char *type, const unsigned char *data, size_t size)
{
    *reply = (struct px_reply){
        .status = 200,
        .content_type = type,
        .cache = "no-cache",
        .policy = "default-src 'none'; script-src 'self'; style-src 'self'; "
                  "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
                  "form-action 'none'; frame-ancestors 'none'",
        .borrowed = true,
        .body = (uint8_t *)(uintptr_t)data, /* borrowed: never written to or freed */
        .size = size,
    };
}

void px_page_html(struct px_reply *reply)
{
    answer(reply, "text/html; charset=utf-8", px_web_html, px_web_html_size);
}

void px_page_script(struct px_reply *reply)
{
    answer(reply, "text/javascript; charset=utf-8", px_web_script, px_web_script_size);
}

void px_page_house(struct px_reply *reply)
{
    answer(reply, "text/javascript; charset=utf-8", px_web_house, px_web_house_size);
}

void px_page_style(struct px_reply *reply)
{
    answer(reply, "text/css; charset=utf-8", px_web_style, px_web_style_size);
}
