#ifndef SERVER_FRONT_REQUEST_TARGET_H
#define SERVER_FRONT_REQUEST_TARGET_H

/* What the first line of a request asks for, as it was sent: libmicrohttpd decodes it and loses
 * what proxies in front may have seen. Pure functions of text. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { PX_QUERY_MAX = 64 }; /* parameters; more are not even parsed */

struct px_request_target {
    bool has_nul; /* %00 in the path, which ends the decoded one */
    size_t query_count;
};

/* Notes what is wrong with a target. */
void px_request_target_read(const char *text, struct px_request_target *target);

/* INVALID for a NUL in the path (GET /metrics%00.css is /metrics here, but not for a proxy's rules)
 * and for more than PX_QUERY_MAX parameters. */
int px_request_target_check(const struct px_request_target *target, struct px_error *err);

/* The path of a decoded target, which may be a whole URL (RFC 9112, 3.2.2), as proxies send it. */
const char *px_request_target_path(const char *target);

#endif
