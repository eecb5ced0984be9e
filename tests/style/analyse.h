/* Analysers see one file at a time. `-include` of this file shows them that px_fail() returns the
 * negative of its code, never 0; without it they follow failures into the code after them. */
#include "base/error.h"
#define px_fail(err, code, ...) (px_fail(err, code, __VA_ARGS__), -(int)(code))
