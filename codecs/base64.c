#include "codecs/base64.h"

#include <assert.h>

#include "base/block.h"

/* The value of each letter, or one of these. */
enum { WHITE = 64, PAD = 65, X = 66 /* not a letter */ };

static const uint8_t values[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  64, 64, X,  64, 64, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  64, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  62, X,  63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  65, X,  X,  X,  0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  63,
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
};

size_t px_base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

void px_base64_encode(const uint8_t *data, size_t size, char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; size >= 3; size -= 3, data += 3, text += 4) {
        uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
        text[0] = letters[bits >> 18];
        text[1] = letters[bits >> 12 & 63];
        text[2] = letters[bits >> 6 & 63];
        text[3] = letters[bits & 63];
    }
    if (size) {
        uint32_t bits = (uint32_t)data[0] << 16 | (size == 2 ? (uint32_t)data[1] << 8 : 0);
        text[0] = letters[bits >> 18];
        text[1] = letters[bits >> 12 & 63];
        text[2] = size == 2 ? letters[bits >> 6 & 63] : '=';
        text[3] = '=';
        text += 4;
    }
    *text = 0;
}

struct decoder {
    const uint8_t *text;
    size_t length, at;
    uint8_t *out; /* `limit` bytes, and the three by which a group may exceed it */
    size_t used, limit;
    uint32_t bits; /* of the group being read */
    int letters;   /* in that group, 0-3 */
    struct px_error *err;
};

static int wrong(const struct decoder *d, const char *why)
{
    if (d->at >= d->length)
        return px_fail(d->err, PX_E_INVALID, "base64: %s, at the end (character %zu)", why,
                       d->length);
    return px_fail(d->err, PX_E_INVALID, "base64: %s, at character %zu (0x%02x)", why, d->at,
                   d->text[d->at]);
}

/* Decodes whole groups without white space in between: nearly all of a picture. */
static void take_groups(struct decoder *d)
{
    while (d->length - d->at >= 4 && d->used + 3 <= d->limit) {
        const uint8_t *t = d->text + d->at;
        uint32_t a = values[t[0]], b = values[t[1]], c = values[t[2]], e = values[t[3]];
        if ((a | b | c | e) > 63) /* the markers have bit 6 set, values do not */
            return;
        uint32_t bits = a << 18 | b << 12 | c << 6 | e;
        uint8_t *out = d->out + d->used;
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
        d->used += 3;
        d->at += 4;
    }
}

static void take_letter(struct decoder *d, uint32_t value)
{
    d->bits = d->bits << 6 | value;
    if (++d->letters < 4)
        return;
    d->out[d->used++] = (uint8_t)(d->bits >> 16);
    d->out[d->used++] = (uint8_t)(d->bits >> 8);
    d->out[d->used++] = (uint8_t)d->bits;
    d->bits = 0;
    d->letters = 0;
}

/* From the first '=' (or the end): 2 letters take "==" and 3 take "=", or nothing at all. */
static int take_end(struct decoder *d)
{
    size_t end = d->at;
    int pads = 0;

    for (; d->at < d->length; d->at++) {
        uint8_t value = values[d->text[d->at]];
        if (value == WHITE)
            continue;
        if (value != PAD)
            return wrong(d, "only padding may follow padding");
        if (d->letters < 2 || pads == 4 - d->letters)
            return wrong(d, "more padding than the letters need");
        pads++;
    }
    if (d->letters == 1)
        return wrong(d, "a letter is missing");
    if (pads && pads != 4 - d->letters)
        return wrong(d, "padding is incomplete");
    d->at = end;
    if (d->letters == 2 && (d->bits & 15))
        return wrong(d, "the last letter has left-over bits that are not zero");
    if (d->letters == 3 && (d->bits & 3))
        return wrong(d, "the last letter has left-over bits that are not zero");
    if (d->letters == 2)
        d->out[d->used++] = (uint8_t)(d->bits >> 4);
    if (d->letters == 3) {
        d->out[d->used++] = (uint8_t)(d->bits >> 10);
        d->out[d->used++] = (uint8_t)(d->bits >> 2);
    }
    return 0;
}

static int decode(struct decoder *d)
{
    int rc = 0;

    while (d->at < d->length && d->used <= d->limit) {
        if (d->letters == 0)
            take_groups(d);
        if (d->at == d->length)
            break;
        uint8_t value = values[d->text[d->at]];
        if (value == X)
            return wrong(d, "not a base64 letter");
        if (value == PAD)
            break;
        if (value != WHITE)
            take_letter(d, value);
        d->at++;
    }
    if (d->used <= d->limit)
        rc = take_end(d);
    if (!rc && d->used > d->limit)
        rc = px_fail(d->err, PX_E_TOO_LARGE,
                     "base64 that decodes to more than the %zu bytes allowed", d->limit);
    return rc;
}

int px_base64_decode(struct px_span text, size_t limit, uint8_t **data, size_t *size,
                     struct px_error *err)
{
    size_t most = text.size / 4 * 3 + 3; /* without white space and padding */
    size_t room = most < limit ? most : limit;
    struct decoder d = {.text = text.data, .length = text.size, .limit = limit, .err = err};

    d.out = room <= SIZE_MAX - 3 ? px_block_take(room + 3) : NULL;
    if (!d.out)
        return px_fail(err, PX_E_NOMEM, "no memory to decode %zu characters of base64", text.size);
    int rc = decode(&d);
    if (rc) {
        px_block_release(d.out);
        return rc;
    }
    assert(d.used <= room);
    *data = d.out;
    *size = d.used;
    return 0;
}
