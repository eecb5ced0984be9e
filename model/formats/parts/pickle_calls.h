#ifndef MODEL_FORMATS_PARTS_PICKLE_CALLS_H
#define MODEL_FORMATS_PARTS_PICKLE_CALLS_H

/* Private to the pickle files: the instructions that deal with names, calls and persistent ids.
 * `unused` completes the type of all instructions. */

#include "model/formats/parts/pickle_machine.h"

int px_pickle_push_global(struct px_pickle_machine *m, int unused);  /* GLOBAL: two lines */
int px_pickle_stack_global(struct px_pickle_machine *m, int unused); /* STACK_GLOBAL */
int px_pickle_reduce(struct px_pickle_machine *m, int unused);       /* REDUCE and NEWOBJ */
int px_pickle_new_object(struct px_pickle_machine *m, int unused);   /* NEWOBJ_EX */
int px_pickle_build(struct px_pickle_machine *m, int unused);        /* BUILD */
int px_pickle_persistent(struct px_pickle_machine *m, int unused);   /* BINPERSID */

#endif
