#ifndef MODEL_DNN_PARTS_BLOCKED_PARTS_H
#define MODEL_DNN_PARTS_BLOCKED_PARTS_H

/* What a blocked layout is made of: for model/dnn/blocked.c, which finds it out, and
 * parts/blocked_move.c, which moves weights by it. */

#include "model/dnn/blocked.h"
#include "model/dnn/parts/tile.h"

/* What lies together along one dimension: blocks are of 8, 16, 24 and so on. */
enum { PX_RUN = PX_TILE / 2 };

struct px_blocked {
    size_t dims[3];    /* oc, ic, taps */
    size_t *offset[3]; /* an element's offset is offset[0][o] + offset[1][i] + offset[2][t] */
    bool padded;       /* the buffer has elements that no weight maps to */
    size_t size;       /* elements of the buffer */
    int along;         /* 0 or 1: the dimension that goes in runs of PX_RUN; -1: neither */
    bool paired;       /* of PX_TILE, with the other dimension's next elements between its own */
    size_t memory[];   /* what offset[] points into */
};

#endif
