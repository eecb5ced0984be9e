#ifndef TOOLS_FACADE_PARTS_FACADE_HAND_H
#define TOOLS_FACADE_PARTS_FACADE_HAND_H

#include "tools/facade/facade.h"

/* The hand of a drawing manual: thin dark lines, every detail. */
struct px_facade_hand px_facade_neat_hand(uint64_t seed);

#endif
