#include "model/formats/parts/pickle_calls.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"

/* What makes tensors, and what they are made of. _rebuild_tensor_v3 is not here: PyTorch writes it
 * only for element types that no checkpoint of ours has. */
static const struct px_pickle_global globals[] = {
    {"collections", "OrderedDict", PX_PICKLE_ORDERED_DICT, PX_DTYPE_AUTO, 0},
    {"torch", "Size", PX_PICKLE_SIZE, PX_DTYPE_AUTO, 0},
    {"torch._utils", "_rebuild_tensor", PX_PICKLE_TENSOR, PX_DTYPE_AUTO, 0},
    {"torch._utils", "_rebuild_tensor_v2", PX_PICKLE_TENSOR_V2, PX_DTYPE_AUTO, 0},
    {"torch._utils", "_rebuild_parameter", PX_PICKLE_PARAMETER, PX_DTYPE_AUTO, 0},
    {"torch._utils", "_rebuild_parameter_with_state", PX_PICKLE_PARAMETER, PX_DTYPE_AUTO, 0},
    {"torch.nn.parameter", "Parameter", PX_PICKLE_PARAMETER, PX_DTYPE_AUTO, 0},
    {"torch", "FloatStorage", PX_PICKLE_STORAGE, PX_F32, 4},
    {"torch", "HalfStorage", PX_PICKLE_STORAGE, PX_F16, 2},
    {"torch", "BFloat16Storage", PX_PICKLE_STORAGE, PX_BF16, 2},
    {"torch", "DoubleStorage", PX_PICKLE_STORAGE, PX_F64, 8},
    {"torch", "LongStorage", PX_PICKLE_STORAGE, PX_I64, 8},
    {"torch", "IntStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 4},
    {"torch", "ShortStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 2},
    {"torch", "CharStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
    {"torch", "ByteStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
    {"torch", "BoolStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
    {"torch", "ComplexFloatStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 8},
    {"torch", "ComplexDoubleStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 16},
    {"torch.cuda", "FloatStorage", PX_PICKLE_STORAGE, PX_F32, 4},
    {"torch.cuda", "HalfStorage", PX_PICKLE_STORAGE, PX_F16, 2},
    {"torch.cuda", "BFloat16Storage", PX_PICKLE_STORAGE, PX_BF16, 2},
    {"torch.cuda", "DoubleStorage", PX_PICKLE_STORAGE, PX_F64, 8},
    {"torch.cuda", "LongStorage", PX_PICKLE_STORAGE, PX_I64, 8},
    {"torch.cuda", "IntStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 4},
    {"torch.cuda", "ShortStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 2},
    {"torch.cuda", "CharStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
    {"torch.cuda", "ByteStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
    {"torch.cuda", "BoolStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
    {"torch.cuda", "ComplexFloatStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 8},
    {"torch.cuda", "ComplexDoubleStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 16},
    {"torch.storage", "UntypedStorage", PX_PICKLE_STORAGE, PX_DTYPE_AUTO, 1},
};

/* Consumes a line, without its newline. */
static int take_line(struct px_pickle_machine *m, struct px_pickle_value *line)
{
    const uint8_t *begin = m->data + m->at;
    const uint8_t *newline = memchr(begin, '\n', m->size - m->at);

    if (!newline)
        return px_fail(m->err, PX_E_FORMAT, "the pickle is cut short within a name");
    size_t length = (size_t)(newline - begin);
    if (length > UINT32_MAX)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has a name of %zu bytes", length);
    *line = (struct px_pickle_value){
        .kind = PX_PICKLE_STRING, .size = (uint32_t)length, .text = (const char *)begin};
    m->at += length + 1;
    return 0;
}

static bool is_text(const struct px_pickle_value *value, const char *text)
{
    return strlen(text) == value->size && memcmp(value->text, text, value->size) == 0;
}

/* Copies what fits, in printable characters. */
static void copy_name(char out[static 64], const struct px_pickle_value *name)
{
    size_t n = name->size < 63 ? name->size : 63;

    memcpy(out, name->text, n);
    out[n] = 0;
    px_utf8_make_printable(out);
}

static int push_foreign(struct px_pickle_machine *m, const struct px_pickle_value *module,
                        const struct px_pickle_value *name)
{
    int rc = px_pickle_count_node(m);

    if (rc)
        return rc;
    struct px_pickle_foreign *foreign = calloc(1, sizeof *foreign);
    if (!foreign)
        return px_fail(m->err, PX_E_NOMEM, "no memory for a pickle");
    copy_name(foreign->module, module);
    copy_name(foreign->name, name);
    foreign->global = (struct px_pickle_global){
        .module = foreign->module, .name = foreign->name, .callable = PX_PICKLE_FOREIGN};
    foreign->next = m->pickle->foreigners;
    m->pickle->foreigners = foreign;
    return px_pickle_push(
        m, (struct px_pickle_value){.kind = PX_PICKLE_GLOBAL, .global = &foreign->global});
}

static int push_named(struct px_pickle_machine *m, const struct px_pickle_value *module,
                      const struct px_pickle_value *name)
{
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (is_text(module, globals[i].module) && is_text(name, globals[i].name))
            return px_pickle_push(
                m, (struct px_pickle_value){.kind = PX_PICKLE_GLOBAL, .global = &globals[i]});
    return push_foreign(m, module, name);
}

int px_pickle_push_global(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_value module;
    struct px_pickle_value name;
    int rc = take_line(m, &module);

    (void)unused;
    if (!rc)
        rc = take_line(m, &name);
    return rc ? rc : push_named(m, &module, &name);
}

int px_pickle_stack_global(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_value module;
    struct px_pickle_value name;
    int rc = px_pickle_pop(m, &name);

    (void)unused;
    if (!rc)
        rc = px_pickle_pop(m, &module);
    if (rc)
        return rc;
    if (module.kind != PX_PICKLE_STRING || name.kind != PX_PICKLE_STRING)
        return px_fail(m->err, PX_E_FORMAT, "the pickle names a class by %s and %s (byte %zu)",
                       px_pickle_kind_name(module.kind), px_pickle_kind_name(name.kind), m->at);
    return push_named(m, &module, &name);
}

/* An object of a foreign class. */
static int push_object(struct px_pickle_machine *m, const struct px_pickle_global *global)
{
    struct px_pickle_node *object;
    int rc = px_pickle_push_node(m, PX_PICKLE_CALL, &object);

    if (!rc)
        object->global = global;
    return rc;
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

/* The foreign global that a value is or was made by, or NULL. What calling an object of a foreign
 * class makes (a partial function) counts as one, too. */
static const struct px_pickle_global *foreign_of(const struct px_pickle_value *value)
{
    const struct px_pickle_global *global = value->kind == PX_PICKLE_GLOBAL ? value->global
                                            : value->kind == PX_PICKLE_CALL ? value->node->global
                                                                            : NULL;

    return global && global->callable == PX_PICKLE_FOREIGN ? global : NULL;
}

/* Pushes what calling `callable` makes. */
static int call(struct px_pickle_machine *m, const struct px_pickle_value *callable,
                const struct px_pickle_node *arguments)
{
    const struct px_pickle_global *foreign = foreign_of(callable);
    struct px_pickle_node *node;

    if (foreign)
        return push_object(m, foreign);
    if (callable->kind != PX_PICKLE_GLOBAL || callable->global->callable == PX_PICKLE_STORAGE)
        return px_fail(m->err, PX_E_FORMAT, "the pickle calls %s (byte %zu)",
                       callable->kind == PX_PICKLE_GLOBAL ? callable->global->name
                                                          : px_pickle_kind_name(callable->kind),
                       m->at);
    if (callable->global->callable == PX_PICKLE_ORDERED_DICT)
        return ordered_dict(m, arguments);
    if (callable->global->callable == PX_PICKLE_SIZE)
        return size(m, arguments);
    int rc = px_pickle_push_node(m, PX_PICKLE_CALL, &node);
    if (rc)
        return rc;
    node->global = callable->global;
    return px_pickle_append(m, node, arguments->items, arguments->count);
}

/* cls.__new__(cls, *args) is the same to us. */
int px_pickle_reduce(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_node *arguments;
    struct px_pickle_value callable;
    int rc = px_pickle_top(m, PX_PICKLE_TUPLE, &arguments);

    (void)unused;
    if (rc)
        return rc;
    m->depth--;
    rc = px_pickle_pop(m, &callable);
    return rc ? rc : call(m, &callable, arguments);
}

/* Keyword arguments: nothing that makes tensors has any. */
int px_pickle_new_object(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_node *keywords;
    int rc = px_pickle_top(m, PX_PICKLE_DICT, &keywords);

    if (rc)
        return rc;
    m->depth--;
    return px_pickle_reduce(m, unused);
}

/* BUILD gives an object its attributes: the _metadata of a state_dict, hooks of a Parameter, the
 * fields of a Namespace.
 * None of them matters here. */
int px_pickle_build(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_value state;
    int rc = px_pickle_pop(m, &state);

    (void)unused;
    if (rc)
        return rc;
    const struct px_pickle_value *object = m->depth ? &m->stack[m->depth - 1] : NULL;
    if (object &&
        (object->kind == PX_PICKLE_DICT || foreign_of(object) ||
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
    /* The classes of whole modules in old files: ('module', class, file, source). */
    if (tuple->count > 1 && tuple->items[0].kind == PX_PICKLE_STRING &&
        is_text(&tuple->items[0], "module"))
        return px_pickle_push(m, tuple->items[1]);
    struct px_pickle_node **more =
        px_array_grow(pickle->persistents, &m->persistent_capacity, pickle->persistent_count + 1,
                      sizeof(struct px_pickle_node *));
    if (!more)
        return px_fail(m->err, PX_E_NOMEM, "no memory for %zu storages of a pickle",
                       pickle->persistent_count + 1);
    pickle->persistents = more;
    rc = px_pickle_push_node(m, PX_PICKLE_PERSISTENT, &node);
    if (rc)
        return rc;
    pickle->persistents[pickle->persistent_count++] = node;
    return px_pickle_append(m, node, tuple->items, tuple->count);
}
