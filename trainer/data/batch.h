#ifndef TRAINER_DATA_BATCH_H
#define TRAINER_DATA_BATCH_H

/* A batch of pairs as floats: what the feed prepares and a training step takes. Borrowed memory. */

#include <stdbool.h>

struct px_train_batch {
    const float *input;       /* (count, height, width, input_nc), interleaved, [-1, 1] */
    const float *target;      /* (count, height, width, output_nc), likewise */
    int count, height, width; /* each at least 1 */
    int total;                /* pictures of the step on all ranks; 0: count */
    bool idle;                /* there are fewer than ranks: this one's picture does not count */
};

#endif
