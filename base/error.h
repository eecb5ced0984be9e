#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* Errors as values. A function that can fail returns 0 or a negative code and takes a
 * `struct px_error *err` as its last argument. Whoever *detects* the failure writes the message
 * with px_fail(): one line, with the offending value and what to do about it. Everyone above only
 * propagates (`return rc;`), perhaps with px_error_prefix() to add a file's name. No error state is
 * global; a px_error belongs to the caller and needs no freeing. `err` may always be NULL. */

/* name, HTTP status, short title (the `title` of the RFC 9457 problem document) */
#define PX_ERROR_MAP(X)                                                                            \
    X(USAGE, 400, "Wrong usage")         /* command line or configuration */                       \
    X(INVALID, 400, "Malformed request") /* syntax of what came from outside */                    \
    X(UNAUTHORISED, 401, "Key needed")   /* no API key, or a wrong one */                          \
    X(FORBIDDEN, 403, "Forbidden")       /* host or origin */                                      \
    X(NOT_FOUND, 404, "Not found")       /* model, path, file */                                   \
    X(METHOD, 405, "Method not allowed")                                                           \
    X(TOO_LARGE, 413, "Body too large")                                                            \
    X(UNSUPPORTED, 415, "Unsupported media type")                                                  \
    X(UNPROCESSABLE, 422, "Image cannot be processed") /* undecodable, truncated, over a limit */  \
    X(LIMITED, 429, "Too many requests")               /* over the rate of one client */           \
    X(NOMEM, 503, "Out of memory")                                                                 \
    X(BUSY, 503, "Busy")                 /* queue full, stopping, loading */                       \
    X(LATE, 504, "Deadline exceeded")    /* no answer within the request's time */                 \
    X(IO, 500, "Input or output failed") /* disk, socket */                                        \
    X(FORMAT, 500, "Bad file")           /* a checkpoint or data file is damaged */                \
    X(INTERRUPTED, 503, "Interrupted")   /* SIGINT or SIGTERM */                                   \
    X(INTERNAL, 500, "Internal error")   /* our bug, or oneDNN refused */

enum px_code {
    PX_OK = 0,
#define PX_ERROR_ENUM(name, status, title) PX_E_##name,
    PX_ERROR_MAP(PX_ERROR_ENUM)
#undef PX_ERROR_ENUM
};

struct px_error {
    int code;          /* enum px_code, 0 while nothing failed */
    char message[480]; /* one line, no newline, UTF-8 */
};

/* Writes code and message into *err and returns -code, so that `return px_fail(err, PX_E_IO, ...)`
 * reads as one step. Control characters and bytes that are not UTF-8 become '?' (base/utf8.h). */
__attribute__((format(printf, 3, 4))) int px_fail(struct px_error *err, enum px_code code,
                                                  const char *format, ...);

/* Puts "prefix: " before a message that is already there. */
void px_error_prefix(struct px_error *err, const char *prefix);

/* For code = 1.. (or its negative): the HTTP status and title of the map above. */
int px_error_status(int code);
const char *px_error_title(int code);

/* The process exit status for a result: 0 done, 1 failed, 2 usage, 130 interrupted. */
int px_error_exit(int rc);

#endif
