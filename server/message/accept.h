#ifndef SERVER_MESSAGE_ACCEPT_H
#define SERVER_MESSAGE_ACCEPT_H

/* The choice of an answer by the Accept header (RFC 9110, 12.5.1). A pure function of text. */

#include <stdbool.h>

#include "codecs/codec.h"

struct px_accepted {
    bool json;             /* the picture wrapped in JSON */
    enum px_format format; /* the picture's coding: PNG or JPEG */
};

/* The answer that suits the client best: the higher q wins, then what the header names more
 * precisely, then PNG before JPEG before JSON. A missing header, or one that allows none of the
 * three, gives PNG. `format` not NONE fixes the picture's coding; it is then wrapped in JSON only
 * if the header allows JSON and not that picture. */
struct px_accepted px_accept(const char *header, enum px_format format);

#endif
