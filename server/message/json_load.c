#include "server/message/json_load.h"

#include <stdbool.h>

#include "base/block.h"

static _Thread_local bool was_refused;

static void *take(size_t size)
{
    void *block = px_block_take(size);

    if (!block)
        was_refused = true;
    return block;
}

void px_json_init(void)
{
    json_set_alloc_funcs(take, px_block_release);
}

json_t *px_json_load(struct px_span text, json_error_t *problem)
{
    was_refused = false;
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, problem);

    if (!was_refused)
        return root;
    json_decref(root); /* if there is one, its strings may lack a part */
    problem->text[JSON_ERROR_TEXT_LENGTH - 1] =
        (char)json_error_out_of_memory; /* json_error_code() */
    return NULL;
}
