#ifndef TESTS_TRAINER_DATA_FIXTURE_H
#define TESTS_TRAINER_DATA_FIXTURE_H

/* Data sets of small pictures, below a folder of the test's own. */

#include "tests/check.h"

#include <stddef.h>
#include <stdint.h>

#include "trainer/data/pairs.h"

/* A path below the test's folder, valid until the next call. */
const char *in(const char *name);
void make_folder(const char *name);

/* A pair of 8 x 8 pictures: the left half is `left` everywhere, the right one is `right`. */
void save_pair(const char *name, uint8_t left, uint8_t right);

/* One picture of width x height that is `value` everywhere. */
void save_flat(const char *name, uint32_t width, uint32_t height, uint8_t value);

/* Options for such pairs. */
struct px_pairs_options small(void);

/* Opens the pairs of a folder of the test's. */
int open_pairs(struct px_pairs **pairs, const char *name, const struct px_pairs_options *options,
               struct px_error *err);

/* The pair has 8 x 8 pictures of these values. */
void check_pair(const struct px_pairs *pairs, size_t index, uint8_t input, uint8_t target);

/* main() of such a test: runs the tests in a new folder and removes it. */
int run_data_tests(const struct CMUnitTest *tests, size_t count);

#endif
