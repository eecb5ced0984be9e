#ifndef SERVER_API_TENSOR_JSON_H
#define SERVER_API_TENSOR_JSON_H

/* The JSON of an inference request without a tree of its numbers, each of which would take jansson
 * forty bytes: the one array "data" is cut out and read in place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/span.h"

enum { PX_TENSOR_JSON_MAX = 16 << 10 }; /* bytes of JSON beside the data */

struct px_tensor_json {
    json_t *root;  /* with "data": [] */
    uint8_t *data; /* the array's text with its brackets, within the caller's; NULL: none */
    size_t data_size;
};

/* INVALID for malformed JSON, for more than one "data" and for more than PX_TENSOR_JSON_MAX bytes
 * beside it; NOMEM. On success the caller releases `root`. */
int px_tensor_json_read(uint8_t *text, size_t size, struct px_tensor_json *out,
                        struct px_error *err);

/* Turns an array of exactly `count` numbers, nested or not, into bytes at its own beginning: whole
 * numbers from 0 to 255 or, if `floats`, numbers from -1 to 1 scaled to that. INVALID otherwise. */
int px_tensor_json_numbers(struct px_tensor_json *json, size_t count, bool floats,
                           struct px_error *err);

/* The text of the only string in the array, without its quotes; escaped slashes are resolved in
 * place. INVALID if it is something else. */
int px_tensor_json_string(struct px_tensor_json *json, struct px_span *out, struct px_error *err);

#endif
