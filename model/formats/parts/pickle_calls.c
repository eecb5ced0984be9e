#include "model/formats/parts/pickle_machine.h"

#include <stdbool.h>
#include <string.h>

#include "base/array.h"

/* All that a pickle may name. _rebuild_tensor_v3 is not here: PyTorch writes it only for element
 * types that no checkpoint of ours has. */
static const struct px_pickle_global globals[] = {
    {"collections", "OrderedDict", PX_PICKLE_ORDERED_DICT, PX_DTYPE_AUTO},
    {"torch", "Size", PX_PICKLE_SIZE, PX_DTYPE_AUTO},
    {"torch._utils", "_rebuild_tensor", PX_PICKLE_TENSOR, PX_DTYPE_AUTO},
    {"torch._utils", "_rebuild_tensor_v2", PX_PICKLE_TENSOR_V2, PX_DTYPE_AUTO},
    {"torch._utils", "_rebuild_parameter", PX_PICKLE_PARAMETER, PX_DTYPE_AUTO},
    {"torch.nn.parameter", "Parameter", PX_PICKLE_PARAMETER, PX_DTYPE_AUTO},
    {"torch", "FloatStorage", PX_PICKLE_STORAGE, PX_F32},
    {"torch", "HalfStorage", PX_PICKLE_STORAGE, PX_F16},
    {"torch", "BFloat16Storage", PX_PICKLE_STORAGE, PX_BF16},
    {"torch", "DoubleStorage", PX_PICKLE_STORAGE, PX_F64},
    {"torch", "LongStorage", PX_PICKLE_STORAGE, PX_I64},
    {"torch.cuda", "FloatStorage", PX_PICKLE_STORAGE, PX_F32},
    {"torch.cuda", "HalfStorage", PX_PICKLE_STORAGE, PX_F16},
    {"torch.cuda", "BFloat16Storage", PX_PICKLE_STORAGE, PX_BF16},
    {"torch.cuda", "DoubleStorage", PX_PICKLE_STORAGE, PX_F64},
    {"torch.cuda", "LongStorage", PX_PICKLE_STORAGE, PX_I64},
};

/* Consumes a line; *length is without its newline. */
static int take_line(struct px_pickle_machine *m, const char **line, size_t *length)
{
    const uint8_t *begin = m->data + m->at;
    const uint8_t *newline = memchr(begin, '\n', m->size - m->at);

    if (!newline)
        return px_fail(m->err, PX_E_FORMAT, "the pickle is cut short within a name");
    *line = (const char *)begin;
    *length = (size_t)(newline - begin);
    m->at += *length + 1;
    return 0;
}

static bool is_text(const char *line, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(line, text, length) == 0;
}

/* Copies what fits; bytes that are not ASCII become '?', as a message must be UTF-8. */
static void copy_name(char out[static 64], const char *line, size_t length)
{
    size_t n = length < 63 ? length : 63;

    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)line[i] < 0x80 ? line[i] : '?';
    out[n] = 0;
}

static int refuse(struct px_pickle_machine *m, const char *const lines[2], const size_t lengths[2])
{
    char module[64];
    char name[64];

    copy_name(module, lines[0], lengths[0]);
    copy_name(name, lines[1], lengths[1]);
    if (strncmp(module, "torch", 5) == 0 && strstr(name, "Storage"))
        return px_fail(m->err, PX_E_FORMAT,
                       "a tensor is stored as '%s.%s'; known are Float, Half, BFloat16, Double and "
                       "LongStorage",
                       module, name);
    return px_fail(m->err, PX_E_FORMAT,
                   "the pickle needs the Python object '%s.%s', and only tensors are read; if a "
                   "whole module was saved, save the state_dict: torch.save(net.state_dict(), ...)",
                   module, name);
}

int px_pickle_global(struct px_pickle_machine *m, int unused)
{
    const char *lines[2] = {0};
    size_t lengths[2] = {0};
    int rc = take_line(m, &lines[0], &lengths[0]);

    (void)unused;
    if (!rc)
        rc = take_line(m, &lines[1], &lengths[1]);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (is_text(lines[0], lengths[0], globals[i].module) &&
            is_text(lines[1], lengths[1], globals[i].name))
            return px_pickle_push(
                m, (struct px_pickle_value){.kind = PX_PICKLE_GLOBAL, .global = &globals[i]});
    return refuse(m, lines, lengths);
}

/* Python 2 gives an OrderedDict its content as one argument: a list of lists of key and value. */
static int ordered_dict(struct px_pickle_machine *m, const struct px_pickle_node *arguments)
{
    struct px_pickle_node *dict;
    int rc = px_pickle_push_node(m, PX_PICKLE_DICT, &dict);

    if (rc || arguments->count == 0)
        return rc;
    if (arguments->count != 1 || arguments->items[0].kind != PX_PICKLE_LIST)
        return px_fail(m->err, PX_E_FORMAT, "the pickle makes an OrderedDict of %s",
                       px_pickle_kind_name(arguments->items[0].kind));
    const struct px_pickle_node *pairs = arguments->items[0].node;
    for (size_t i = 0; i < pairs->count; i++) {
        const struct px_pickle_value *pair = &pairs->items[i];
        if ((pair->kind != PX_PICKLE_LIST && pair->kind != PX_PICKLE_TUPLE) ||
            pair->node->count != 2)
            return px_fail(m->err, PX_E_FORMAT,
                           "the pickle makes an OrderedDict of something else than pairs");
        rc = px_pickle_append(m, dict, pair->node->items, 2);
        if (rc)
            return rc;
    }
    return 0;
}

/* A Size is the tuple that it is made of. */
static int size(struct px_pickle_machine *m, const struct px_pickle_node *arguments)
{
    if (arguments->count != 1 || arguments->items[0].kind != PX_PICKLE_TUPLE)
        return px_fail(m->err, PX_E_FORMAT,
                       "the pickle makes a Size of something else than a "
                       "tuple");
    return px_pickle_push(m, arguments->items[0]);
}

int px_pickle_reduce(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_node *arguments;
    struct px_pickle_node *call;
    struct px_pickle_value callable;
    int rc = px_pickle_top(m, PX_PICKLE_TUPLE, &arguments);

    (void)unused;
    if (rc)
        return rc;
    m->depth--;
    rc = px_pickle_pop(m, &callable);
    if (rc)
        return rc;
    if (callable.kind != PX_PICKLE_GLOBAL || callable.global->callable == PX_PICKLE_STORAGE)
        return px_fail(m->err, PX_E_FORMAT, "the pickle calls %s (byte %zu)",
                       callable.kind == PX_PICKLE_GLOBAL ? callable.global->name
                                                         : px_pickle_kind_name(callable.kind),
                       m->at);
    if (callable.global->callable == PX_PICKLE_ORDERED_DICT)
        return ordered_dict(m, arguments);
    if (callable.global->callable == PX_PICKLE_SIZE)
        return size(m, arguments);
    rc = px_pickle_push_node(m, PX_PICKLE_CALL, &call);
    if (rc)
        return rc;
    call->global = callable.global;
    return px_pickle_append(m, call, arguments->items, arguments->count);
}

/* BUILD gives an object its attributes: the _metadata of a state_dict, hooks of a Parameter.
 * Neither matters here. */
int px_pickle_build(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_value state;
    int rc = px_pickle_pop(m, &state);

    (void)unused;
    if (rc)
        return rc;
    const struct px_pickle_value *object = m->depth ? &m->stack[m->depth - 1] : NULL;
    if (object &&
        (object->kind == PX_PICKLE_DICT ||
         (object->kind == PX_PICKLE_CALL && object->node->global->callable == PX_PICKLE_PARAMETER)))
        return 0;
    return px_fail(m->err, PX_E_FORMAT, "the pickle sets attributes of %s (byte %zu)",
                   object ? px_pickle_kind_name(object->kind) : "nothing", m->at);
}

int px_pickle_persistent(struct px_pickle_machine *m, int unused)
{
    struct px_pickle *pickle = m->pickle;
    struct px_pickle_node *tuple;
    struct px_pickle_node *node;
    int rc = px_pickle_top(m, PX_PICKLE_TUPLE, &tuple);

    (void)unused;
    if (rc)
        return rc;
    m->depth--;
    size_t count = pickle->persistent_count + 1;
    struct px_pickle_node **more =
        px_array_grow(pickle->persistents, &m->persistent_capacity, count, sizeof *more);
    if (!more)
        return px_fail(m->err, PX_E_NOMEM, "no memory for %zu storages of a pickle", count);
    pickle->persistents = more;
    rc = px_pickle_push_node(m, PX_PICKLE_PERSISTENT, &node);
    if (rc)
        return rc;
    pickle->persistents[pickle->persistent_count++] = node;
    return px_pickle_append(m, node, tuple->items, tuple->count);
}
