#ifndef SERVER_API_OPENAI_H
#define SERVER_API_OPENAI_H

/* POST /v1/images/edits as OpenAI's clients send it: a form with `image` (or `image[]`, of which
 * the first counts), `model`, `output_format`, and whatever else, which is ignored, except the
 * fields of /translate that mean nothing there: `fit`, `norm`, `dropout`. The answer is
 * {"created", "data": [{"b64_json"}]}, failures are {"error": {"message", "type", "param",
 * "code"}}.
 */

#include "server/message/dialect.h"

extern const struct px_dialect px_dialect_openai;

#endif
