#ifndef CODECS_FOREIGN_H
#define CODECS_FOREIGN_H

/* Files that are neither PNG nor JPEG, told apart by their first bytes so that the refusal can name
 * them (private to codecs/). Stateless and thread-safe. */

#include "base/error.h"
#include "base/span.h"

/* Always fails with UNPROCESSABLE. The message says what the file is, "this is WebP; send PNG or
 * JPEG", or shows its first bytes. file: not empty. */
int px_foreign_refuse(struct px_span file, struct px_error *err);

#endif
