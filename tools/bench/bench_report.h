#ifndef TOOLS_BENCH_BENCH_REPORT_H
#define TOOLS_BENCH_BENCH_REPORT_H

/* How `pix2pix bench` says what it measured: lines for people, JSON for programs. */

#include <jansson.h>

#include "tools/bench/bench_case.h"

/* The convolutions of a network on one picture of side x side, as its architecture defines them:
 * two operations for each multiply-add of every tap, zeros of pads included, whatever the engine's
 * algorithms add or leave out. In 10^9. */
double px_bench_gflop(const struct px_network *network, int side);

void px_bench_print_title(const struct px_network *network, const struct px_bench_case *one);
void px_bench_print(const struct px_network *network, enum px_dtype dtype,
                    const struct px_bench_case *one, const struct px_bench_result *result);
void px_bench_print_unsupported(const char *dtype, const struct px_bench_case *one,
                                const char *reason);

/* New references; NULL without memory. */
json_t *px_bench_json(const struct px_network *network, enum px_dtype dtype,
                      const struct px_bench_case *one, const struct px_bench_result *result);
json_t *px_bench_json_unsupported(const char *dtype, const struct px_bench_case *one,
                                  const char *reason);

#endif
