#ifndef TRAINER_FOUND_H
#define TRAINER_FOUND_H

/* Shows what a data set was taken for, before anything is computed. */

#include <stdio.h>

#include "trainer/data/pairs.h"

/* Prints the folders, the sizes of A and B as stored, the sizes that whole pairs are trained at
 * (`whole`: they are not cropped), and what was left out, with names. Control characters in names
 * become '?'. */
void px_found_print(FILE *out, const struct px_pairs *pairs, bool whole);

#endif
