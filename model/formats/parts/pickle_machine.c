#include "model/formats/parts/pickle_machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int px_pickle_take(struct px_pickle_machine *m, size_t n, const uint8_t **bytes)
{
    assert(m->at <= m->size);
    if (n > m->size - m->at)
        return px_fail(m->err, PX_E_FORMAT, "the pickle is cut short at byte %zu", m->size);
    *bytes = m->data + m->at;
    m->at += n;
    return 0;
}

static int no_memory(struct px_pickle_machine *m, size_t count)
{
    return px_fail(m->err, PX_E_NOMEM, "no memory for %zu values of a pickle", count);
}

int px_pickle_push(struct px_pickle_machine *m, struct px_pickle_value value)
{
    if (m->depth == PX_PICKLE_MAX_STACK)
        return px_fail(m->err, PX_E_FORMAT, "the pickle piles up more than %d values",
                       PX_PICKLE_MAX_STACK);
    struct px_pickle_value *more =
        px_array_grow(m->stack, &m->stack_capacity, m->depth + 1, sizeof *more);
    if (!more)
        return no_memory(m, m->depth + 1);
    m->stack = more;
    m->stack[m->depth++] = value;
    return 0;
}

int px_pickle_pop(struct px_pickle_machine *m, struct px_pickle_value *value)
{
    if (m->depth == 0 || m->stack[m->depth - 1].kind == PX_PICKLE_MARK)
        return px_fail(m->err, PX_E_FORMAT, "the pickle takes a value that is not there (byte %zu)",
                       m->at);
    *value = m->stack[--m->depth];
    return 0;
}

int px_pickle_top(struct px_pickle_machine *m, enum px_pickle_kind kind,
                  struct px_pickle_node **node)
{
    if (m->depth == 0 || m->stack[m->depth - 1].kind != kind)
        return px_fail(m->err, PX_E_FORMAT, "the pickle needs %s at byte %zu, it has %s",
                       px_pickle_kind_name(kind), m->at,
                       m->depth ? px_pickle_kind_name(m->stack[m->depth - 1].kind) : "nothing");
    *node = m->stack[m->depth - 1].node;
    return 0;
}

int px_pickle_above_mark(struct px_pickle_machine *m, size_t *count)
{
    for (size_t i = m->depth; i-- > 0;) {
        if (m->stack[i].kind != PX_PICKLE_MARK)
            continue;
        *count = m->depth - 1 - i;
        return 0;
    }
    return px_fail(m->err, PX_E_FORMAT, "the pickle lacks a mark before byte %zu", m->at);
}

int px_pickle_count_node(struct px_pickle_machine *m)
{
    if (m->nodes++ == PX_PICKLE_MAX_NODES)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has more than %d lists, dicts and calls",
                       PX_PICKLE_MAX_NODES);
    return 0;
}

int px_pickle_push_node(struct px_pickle_machine *m, enum px_pickle_kind kind,
                        struct px_pickle_node **node)
{
    int rc = px_pickle_count_node(m);

    if (rc)
        return rc;
    *node = calloc(1, sizeof **node);
    if (!*node)
        return px_fail(m->err, PX_E_NOMEM, "no memory for a pickle");
    (*node)->next = m->pickle->nodes;
    m->pickle->nodes = *node;
    return px_pickle_push(m, (struct px_pickle_value){.kind = kind, .node = *node});
}

int px_pickle_append(struct px_pickle_machine *m, struct px_pickle_node *node,
                     const struct px_pickle_value *values, size_t count)
{
    assert(m->items <= PX_PICKLE_MAX_ITEMS);
    if (count > PX_PICKLE_MAX_ITEMS - m->items)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has more than %d values",
                       PX_PICKLE_MAX_ITEMS);
    m->items += count;
    if (count == 0)
        return 0;
    struct px_pickle_value *more =
        px_array_grow(node->items, &node->capacity, node->count + count, sizeof *more);
    if (!more)
        return no_memory(m, node->count + count);
    node->items = more;
    memcpy(node->items + node->count, values, count * sizeof *values);
    node->count += count;
    return 0;
}

int px_pickle_put(struct px_pickle_machine *m, size_t index)
{
    if (m->depth == 0 || m->stack[m->depth - 1].kind == PX_PICKLE_MARK)
        return px_fail(m->err, PX_E_FORMAT, "the pickle remembers a value that is not there");
    if (index >= PX_PICKLE_MAX_MEMO)
        return px_fail(m->err, PX_E_FORMAT, "the pickle remembers a value as number %zu, over %d",
                       index, PX_PICKLE_MAX_MEMO);
    size_t before = m->memo_capacity;
    struct px_pickle_value *more =
        px_array_grow(m->memo, &m->memo_capacity, index + 1, sizeof *more);
    if (!more)
        return no_memory(m, index + 1);
    m->memo = more;
    memset(m->memo + before, 0, (m->memo_capacity - before) * sizeof *m->memo);
    m->memo_count += m->memo[index].kind == PX_PICKLE_MARK;
    m->memo[index] = m->stack[m->depth - 1];
    return 0;
}

int px_pickle_get(struct px_pickle_machine *m, size_t index)
{
    if (index >= m->memo_capacity || m->memo[index].kind == PX_PICKLE_MARK)
        return px_fail(m->err, PX_E_FORMAT,
                       "the pickle recalls value %zu, which it never remembered", index);
    return px_pickle_push(m, m->memo[index]);
}
