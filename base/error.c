#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
    int status;
    const char *title;
} codes[] = {{200, "OK"},
#define PX_ERROR_ROW(name, status, title) {status, title},
             PX_ERROR_MAP(PX_ERROR_ROW)
#undef PX_ERROR_ROW
};

int px_fail(struct px_error *err, enum px_code code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        px_utf8_make_printable(err->message);
        err->code = (int)code;
    }
    return -(int)code;
}

void px_error_prefix(struct px_error *err, const char *prefix)
{
    char old[sizeof err->message];

    if (!err || !err->code)
        return;
    memcpy(old, err->message, sizeof old);
    snprintf(err->message, sizeof err->message, "%.200s: %.270s", prefix, old);
    px_utf8_make_printable(err->message);
}

static size_t row(int code)
{
    size_t i = (size_t)abs(code);
    return i < sizeof codes / sizeof *codes ? i : PX_E_INTERNAL;
}

int px_error_status(int code)
{
    return codes[row(code)].status;
}

const char *px_error_title(int code)
{
    return codes[row(code)].title;
}

int px_error_exit(int rc)
{
    switch (abs(rc)) {
    case PX_OK:
        return 0;
    case PX_E_USAGE:
        return 2;
    case PX_E_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}
