#ifndef SERVER_METRICS_PROMETHEUS_H
#define SERVER_METRICS_PROMETHEUS_H

/* Writes Prometheus' text format 0.0.4. A family is its head, once, then all of its samples. Names
 * are written as they are given; values of labels are escaped. Stateless. */

#include <stddef.h>

#include "base/buffer.h"

struct px_label {
    const char *name, *value;
};

/* type: "counter", "gauge" or "histogram". */
void px_prometheus_head(struct px_buffer *text, const char *name, const char *type,
                        const char *help);

/* One line; `labels` may be NULL if there are none. */
void px_prometheus_sample(struct px_buffer *text, const char *name, const struct px_label *labels,
                          size_t label_count, double value);

/* A family of one sample without labels. */
void px_prometheus_gauge(struct px_buffer *text, const char *name, const char *help, double value);
void px_prometheus_counter(struct px_buffer *text, const char *name, const char *help,
                           double value);

#endif
