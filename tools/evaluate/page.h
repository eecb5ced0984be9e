#ifndef TOOLS_EVALUATE_PAGE_H
#define TOOLS_EVALUATE_PAGE_H

/* REPORT.html: one self-contained file with the table of results, the colours' distributions, and
 * every picture as input, answers and target, the worst L1 first, sortable by each metric. Built
 * while the evaluation runs; pictures are kept as JPEGs of at most 256 pixels a side. One thread.
 */

#include "base/buffer.h"
#include "base/error.h"
#include "tools/evaluate/evaluation.h"

struct px_page {
    struct px_buffer rows;
    struct px_page_row {
        size_t start, size; /* in rows */
        double l1;          /* of the first model; -1: a single picture */
    } * order;              /* owned */
    size_t count, capacity;
};

/* Adds the last row of the evaluation with its pictures. NOMEM. */
int px_page_add(struct px_page *page, const struct px_evaluation *evaluation,
                const struct px_evaluated_pictures *pictures, struct px_error *err);

/* Writes the file. IO, NOMEM. */
int px_page_save(struct px_page *page, const struct px_evaluation *evaluation, const char *path,
                 struct px_error *err);

void px_page_clear(struct px_page *page); /* accepts a zeroed one */

#endif
