#ifndef SERVER_MESSAGE_JSON_LOAD_H
#define SERVER_MESSAGE_JSON_LOAD_H

/* Reading JSON with jansson, as the requests of strangers need it. Any thread. */

#include <jansson.h>

#include "base/span.h"

/* Once, at the start of the program: jansson takes its memory from base/block.h from then on. */
void px_json_init(void);

/* Refuses repeated keys. NULL with `problem` set, whose code is json_error_out_of_memory whenever
 * memory was refused; by itself jansson calls some of these cases invalid syntax, and overlooks
 * others, which shortens strings. */
json_t *px_json_load(struct px_span text, json_error_t *problem);

#endif
