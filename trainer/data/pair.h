#ifndef TRAINER_DATA_PAIR_H
#define TRAINER_DATA_PAIR_H

/* One pair of pictures, and how it is read from its file or its two files. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/codec.h"
#include "pairs/source.h"
#include "trainer/data/picture.h"
#include "trainer/data/preprocess.h"

struct px_names;

/* If pairs are cropped each picture is at least as large as a crop, otherwise both have one size.
 * Zeroed: empty. */
struct px_pair {
    struct px_picture input, target;
};

void px_pair_clear(struct px_pair *pair); /* accepts NULL and an empty one */

struct px_pair_options {
    struct px_preprocess preprocess;
    bool central; /* if it crops: only the middle crop x crop of each picture, for measuring */
    uint32_t input_nc, output_nc; /* channels of the input and of the target, 1-4 */
    bool b_to_a;                  /* B is the input */
    struct px_decode_limits limits;
};

struct px_pair_place {
    const struct px_source *source;
    const struct px_names *names;
    size_t index; /* into the names */
};

struct px_pair_size {
    uint32_t width, height;
};

/* What was seen of a pair while it was loaded. */
struct px_pair_seen {
    struct px_pair_size half; /* of A as stored */
    bool is_narrow;           /* one file, too narrow for two pictures side by side */
};

/* Reads a pair and scales both pictures for training. The EXIF orientation is applied to a file
 * that holds one picture, and ignored in a file that holds both. The failing file is named.
 * Thread-safe. */
int px_pair_load(const struct px_pair_place *place, const struct px_pair_options *options,
                 struct px_pair *pair, struct px_pair_seen *seen, struct px_error *err);

#endif
