#ifndef TOOLS_EVALUATE_RESULTS_H
#define TOOLS_EVALUATE_RESULTS_H

/* The results as text: a table for the terminal, and JSON. */

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "tools/evaluate/evaluation.h"

/* Rows of the table: opponents first, then models; columns: metrics, and the intersections of the
 * colours with the targets'. The label scores follow if there are any. */
void px_results_print(const struct px_evaluation *evaluation, FILE *out);

/* {"pairs": .., "singles": .., "constant": {..}, "input": {..}, "models": [{..}], "pictures":
 * [..]}; a value that does not exist is null. IO, NOMEM. */
int px_results_save(const struct px_evaluation *evaluation, const char *path, struct px_error *err);

#endif
