#ifndef MODEL_DNN_PARTS_BLOCKED_PARTS_H
#define MODEL_DNN_PARTS_BLOCKED_PARTS_H

/* What a blocked layout is made of: for model/dnn/blocked.c, which finds it out, and
 * parts/blocked_move.c, which moves weights by it. */

#include "model/dnn/blocked.h"
#include "model/dnn/parts/tile.h"

struct px_blocked {
    size_t dims[3];    /* oc, ic, taps */
    size_t *offset[3]; /* an element's offset is offset[0][o] + offset[1][i] + offset[2][t] */
    bool padded;       /* the buffer has elements that no weight maps to */
    size_t size;       /* elements of the buffer */
    int along;         /* 0 or 1: the dimension that goes in runs of PX_TILE; -1: neither */
    bool paired;       /* the other dimension's next elements are between those of a run */
    size_t memory[];   /* what offset[] points into */
};

#endif
