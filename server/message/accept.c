#include "server/message/accept.h"

#include <string.h>
#include <strings.h>

#include "server/message/header_text.h"

/* What an Accept header says about one media type: q in thousandths (-1: nothing) by the most
 * precise range that matches: 3 type/subtype, 2 type/any, 1 any. */
struct rank {
    int precision;
    int q;
};

/* "0.25" -> 250; anything malformed counts as 1. */
static int parse_q(const char *s, const char *end)
{
    int q = 0, scale = 1000;

    if (s >= end || (*s != '0' && *s != '1'))
        return 1000;
    q = (*s++ - '0') * scale;
    if (s < end && *s == '.')
        for (s++; s < end && *s >= '0' && *s <= '9' && scale > 1; s++)
            q += (*s - '0') * (scale /= 10);
    return q > 1000 ? 1000 : q;
}

static int range_q(const char *s, const char *end)
{
    while (s < end) {
        const char *semicolon = memchr(s, ';', (size_t)(end - s));
        if (!semicolon)
            break;
        s = px_header_skip_space(semicolon + 1);
        if (end - s > 2 && (s[0] == 'q' || s[0] == 'Q') && s[1] == '=')
            return parse_q(s + 2, end);
    }
    return 1000;
}

static int range_precision(const char *range, size_t n, const char *type)
{
    size_t slash = (size_t)(strchr(type, '/') - type) + 1;

    if (n == strlen(type) && strncasecmp(range, type, n) == 0)
        return 3;
    if (n == slash + 1 && range[slash] == '*' && strncasecmp(range, type, slash) == 0)
        return 2;
    return n == 3 && memcmp(range, "*/*", 3) == 0 ? 1 : 0;
}

static struct rank rank_type(const char *header, const char *type)
{
    struct rank best = {0, -1};
    const char *s = header;

    while (*s != '\0') {
        const char *end = s + strcspn(s, ",");
        const char *range = px_header_skip_space(s);
        size_t n = strcspn(range, "; \t,");
        int precision = range_precision(range, n, type);
        if (precision > best.precision) {
            best.precision = precision;
            best.q = range_q(range, end);
        }
        s = *end == ',' ? end + 1 : end;
    }
    return best;
}

static bool better(struct rank a, struct rank b)
{
    return a.q != b.q ? a.q > b.q : a.q > 0 && a.precision > b.precision;
}

struct px_accepted px_accept(const char *header, enum px_format format)
{
    struct px_accepted accepted = {.format = format};

    if (!header || *px_header_skip_space(header) == '\0')
        header = "*/*";
    struct rank png = rank_type(header, "image/png");
    struct rank jpeg = rank_type(header, "image/jpeg");
    struct rank json = rank_type(header, "application/json");
    if (format == PX_FORMAT_NONE) {
        struct rank picture = better(jpeg, png) ? jpeg : png;
        accepted.format = picture.q > 0 && better(jpeg, png) ? PX_FORMAT_JPEG : PX_FORMAT_PNG;
        accepted.json = json.q > 0 && better(json, picture);
    } else {
        struct rank picture = format == PX_FORMAT_JPEG ? jpeg : png;
        accepted.json = json.q > 0 && picture.q <= 0;
    }
    return accepted;
}
