#ifndef TRAINER_DATA_BATCH_H
#define TRAINER_DATA_BATCH_H

/* A batch of pairs as floats: what the feed prepares and a training step takes. Borrowed memory. */

struct px_train_batch {
    const float *input;       /* (count, height, width, input_nc), interleaved, [-1, 1] */
    const float *target;      /* (count, height, width, output_nc), likewise */
    int count, height, width; /* each at least 1 */
};

#endif
