#include "model/formats/parts/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int px_pickle_take(struct px_pickle_machine *m, size_t n, const uint8_t **bytes)
{
    if (n > m->size - m->at)
        return px_fail(m->err, PX_E_FORMAT, "the pickle is cut short at byte %zu", m->size);
    *bytes = m->data + m->at;
    m->at += n;
    return 0;
}

/* Makes room for `count` values. */
static int reserve(struct px_pickle_machine *m, struct px_pickle_value **values, size_t *capacity,
                   size_t count)
{
    struct px_pickle_value *grown = px_array_grow(*values, capacity, count, sizeof *grown);

    if (!grown)
        return px_fail(m->err, PX_E_NOMEM, "no memory for %zu values of a pickle", count);
    *values = grown;
    return 0;
}

int px_pickle_push(struct px_pickle_machine *m, struct px_pickle_value value)
{
    if (m->depth == PX_PICKLE_MAX_STACK)
        return px_fail(m->err, PX_E_FORMAT, "the pickle piles up more than %d values",
                       PX_PICKLE_MAX_STACK);
    int rc = reserve(m, &m->stack, &m->stack_capacity, m->depth + 1);
    if (!rc)
        m->stack[m->depth++] = value;
    return rc;
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

int px_pickle_push_node(struct px_pickle_machine *m, enum px_pickle_kind kind,
                        struct px_pickle_node **node)
{
    if (m->nodes++ == PX_PICKLE_MAX_NODES)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has more than %d lists, dicts and calls",
                       PX_PICKLE_MAX_NODES);
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
    if (count > PX_PICKLE_MAX_ITEMS - m->items)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has more than %d values",
                       PX_PICKLE_MAX_ITEMS);
    m->items += count;
    if (count == 0)
        return 0;
    int rc = reserve(m, &node->items, &node->capacity, node->count + count);
    if (rc)
        return rc;
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
    size_t capacity = m->memo_count;
    int rc = reserve(m, &m->memo, &capacity, index + 1);
    if (rc)
        return rc;
    memset(m->memo + m->memo_count, 0, (capacity - m->memo_count) * sizeof *m->memo);
    m->memo_count = capacity;
    m->memo[index] = m->stack[m->depth - 1];
    return 0;
}

int px_pickle_get(struct px_pickle_machine *m, size_t index)
{
    if (index >= m->memo_count || m->memo[index].kind == PX_PICKLE_MARK)
        return px_fail(m->err, PX_E_FORMAT,
                       "the pickle recalls value %zu, which it never remembered", index);
    return px_pickle_push(m, m->memo[index]);
}
