#include "model/formats/parts/pickle.h"

#include <stdlib.h>

#include "model/formats/little.h"
#include "model/formats/parts/pickle_machine.h"

/* The instructions: each takes the machine and the number that its row of the table has. */

static int protocol(struct px_pickle_machine *m, int unused)
{
    const uint8_t *version;
    int rc = px_pickle_take(m, 1, &version);

    (void)unused;
    if (!rc && *version > 2)
        return px_fail(m->err, PX_E_FORMAT,
                       "pickle protocol %d; save again with torch.save's own, which is 2",
                       *version);
    return rc;
}

static int mark(struct px_pickle_machine *m, int unused)
{
    (void)unused;
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_MARK});
}

static int none(struct px_pickle_machine *m, int unused)
{
    (void)unused;
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_NONE});
}

static int boolean(struct px_pickle_machine *m, int value)
{
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_BOOL, .number = value});
}

static int push_number(struct px_pickle_machine *m, int64_t number)
{
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_INT, .number = number});
}

static int number(struct px_pickle_machine *m, int bytes)
{
    const uint8_t *p;
    int rc = px_pickle_take(m, (size_t)bytes, &p);

    if (rc)
        return rc;
    return push_number(m, bytes == 1 ? *p : bytes == 2 ? px_u16(p) : (int32_t)px_u32(p));
}

/* LONG1: two's complement of any length; nothing in a state_dict needs more than 64 bits. */
static int long_number(struct px_pickle_machine *m, int unused)
{
    const uint8_t *length;
    const uint8_t *p;
    int rc = px_pickle_take(m, 1, &length);

    (void)unused;
    if (!rc)
        rc = px_pickle_take(m, *length, &p);
    if (rc)
        return rc;
    if (*length > 8)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has a number of %d bytes (byte %zu)",
                       *length, m->at);
    uint64_t v = *length && (p[*length - 1] & 0x80) ? UINT64_MAX : 0; /* the sign, extended */
    for (size_t i = *length; i-- > 0;)
        v = v << 8 | p[i];
    return push_number(m, (int64_t)v);
}

static int real(struct px_pickle_machine *m, int unused)
{
    const uint8_t *p;
    int rc = px_pickle_take(m, 8, &p);

    (void)unused;
    if (rc)
        return rc;
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_FLOAT});
}

/* A length of 1 or 4 bytes, then text. A negative length of BINSTRING is too large for any file. */
static int string(struct px_pickle_machine *m, int length_bytes)
{
    const uint8_t *p;
    int rc = px_pickle_take(m, (size_t)length_bytes, &p);

    if (rc)
        return rc;
    uint32_t length = length_bytes == 1 ? *p : px_u32(p);
    rc = px_pickle_take(m, length, &p);
    if (rc)
        return rc;
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_STRING,
                                                      .size = length,
                                                      .text = (const char *)p});
}

static int empty(struct px_pickle_machine *m, int kind)
{
    struct px_pickle_node *node;

    return px_pickle_push_node(m, (enum px_pickle_kind)kind, &node);
}

/* Makes a tuple of the `count` values on top, and takes `below` further things from under it. */
static int make_tuple(struct px_pickle_machine *m, size_t count, size_t below)
{
    struct px_pickle_node *node;
    int rc = px_pickle_push_node(m, PX_PICKLE_TUPLE, &node);

    if (rc)
        return rc;
    struct px_pickle_value tuple = m->stack[--m->depth];
    rc = px_pickle_append(m, node, m->stack + m->depth - count, count);
    m->depth -= count + below;
    return rc ? rc : px_pickle_push(m, tuple);
}

static int tuple(struct px_pickle_machine *m, int count)
{
    for (size_t i = 0; i < (size_t)count; i++)
        if (i >= m->depth || m->stack[m->depth - 1 - i].kind == PX_PICKLE_MARK)
            return px_fail(m->err, PX_E_FORMAT,
                           "the pickle makes a tuple of values that are not "
                           "there");
    return make_tuple(m, (size_t)count, 0);
}

static int tuple_from_mark(struct px_pickle_machine *m, int unused)
{
    size_t count;
    int rc = px_pickle_above_mark(m, &count);

    (void)unused;
    return rc ? rc : make_tuple(m, count, 1);
}

/* Adds the `count` values on top to the list or dict below them (and below the mark). */
static int add(struct px_pickle_machine *m, enum px_pickle_kind kind, size_t count, size_t marks)
{
    struct px_pickle_node *node;
    size_t top = m->depth;

    if (kind == PX_PICKLE_DICT && count % 2)
        return px_fail(m->err, PX_E_FORMAT, "the pickle sets a key without a value (byte %zu)",
                       m->at);
    m->depth = top - count - marks;
    int rc = px_pickle_top(m, kind, &node);
    return rc ? rc : px_pickle_append(m, node, m->stack + top - count, count);
}

static int add_one(struct px_pickle_machine *m, int kind)
{
    size_t count = kind == PX_PICKLE_DICT ? 2 : 1;

    if (m->depth <= count)
        return px_fail(m->err, PX_E_FORMAT, "the pickle adds a value that is not there");
    for (size_t i = 0; i < count; i++)
        if (m->stack[m->depth - 1 - i].kind == PX_PICKLE_MARK)
            return px_fail(m->err, PX_E_FORMAT, "the pickle adds a mark to %s",
                           px_pickle_kind_name((enum px_pickle_kind)kind));
    return add(m, (enum px_pickle_kind)kind, count, 0);
}

static int add_from_mark(struct px_pickle_machine *m, int kind)
{
    size_t count;
    int rc = px_pickle_above_mark(m, &count);

    return rc ? rc : add(m, (enum px_pickle_kind)kind, count, 1);
}

static int put(struct px_pickle_machine *m, int bytes)
{
    const uint8_t *p;
    int rc = px_pickle_take(m, (size_t)bytes, &p);

    return rc ? rc : px_pickle_put(m, bytes == 1 ? *p : px_u32(p));
}

static int get(struct px_pickle_machine *m, int bytes)
{
    const uint8_t *p;
    int rc = px_pickle_take(m, (size_t)bytes, &p);

    return rc ? rc : px_pickle_get(m, bytes == 1 ? *p : px_u32(p));
}

enum { STOP = '.' };

/* The closed list. Opcodes with a name and nothing to run are known and refused. */
static const struct {
    const char *name;
    int (*run)(struct px_pickle_machine *m, int argument);
    int argument;
} opcodes[256] = {
    [0x80] = {"PROTO", protocol, 0},
    ['('] = {"MARK", mark, 0},
    ['N'] = {"NONE", none, 0},
    [0x88] = {"NEWTRUE", boolean, 1},
    [0x89] = {"NEWFALSE", boolean, 0},
    ['K'] = {"BININT1", number, 1},
    ['M'] = {"BININT2", number, 2},
    ['J'] = {"BININT", number, 4},
    [0x8a] = {"LONG1", long_number, 0},
    ['G'] = {"BINFLOAT", real, 0},
    ['X'] = {"BINUNICODE", string, 4},
    ['U'] = {"SHORT_BINSTRING", string, 1},
    ['T'] = {"BINSTRING", string, 4},
    [')'] = {"EMPTY_TUPLE", empty, PX_PICKLE_TUPLE},
    [']'] = {"EMPTY_LIST", empty, PX_PICKLE_LIST},
    ['}'] = {"EMPTY_DICT", empty, PX_PICKLE_DICT},
    [0x85] = {"TUPLE1", tuple, 1},
    [0x86] = {"TUPLE2", tuple, 2},
    [0x87] = {"TUPLE3", tuple, 3},
    ['t'] = {"TUPLE", tuple_from_mark, 0},
    ['a'] = {"APPEND", add_one, PX_PICKLE_LIST},
    ['e'] = {"APPENDS", add_from_mark, PX_PICKLE_LIST},
    ['s'] = {"SETITEM", add_one, PX_PICKLE_DICT},
    ['u'] = {"SETITEMS", add_from_mark, PX_PICKLE_DICT},
    ['q'] = {"BINPUT", put, 1},
    ['r'] = {"LONG_BINPUT", put, 4},
    ['h'] = {"BINGET", get, 1},
    ['j'] = {"LONG_BINGET", get, 4},
    ['c'] = {"GLOBAL", px_pickle_global, 0},
    ['R'] = {"REDUCE", px_pickle_reduce, 0},
    [0x81] = {"NEWOBJ", px_pickle_reduce, 0}, /* cls.__new__(cls, *args): the same to us */
    ['b'] = {"BUILD", px_pickle_build, 0},
    ['Q'] = {"BINPERSID", px_pickle_persistent, 0},
    ['0'] = {"POP", NULL, 0},
    ['1'] = {"POP_MARK", NULL, 0},
    ['2'] = {"DUP", NULL, 0},
    ['B'] = {"BINBYTES", NULL, 0},
    ['C'] = {"SHORT_BINBYTES", NULL, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['d'] = {"DICT", NULL, 0},
    ['g'] = {"GET", NULL, 0},
    ['i'] = {"INST", NULL, 0},
    ['l'] = {"LIST", NULL, 0},
    ['o'] = {"OBJ", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x8b] = {"LONG4", NULL, 0},
    [0x8c] = {"SHORT_BINUNICODE", NULL, 0},
    [0x8d] = {"BINUNICODE8", NULL, 0},
    [0x8e] = {"BINBYTES8", NULL, 0},
    [0x8f] = {"EMPTY_SET", NULL, 0},
    [0x90] = {"ADDITEMS", NULL, 0},
    [0x91] = {"FROZENSET", NULL, 0},
    [0x92] = {"NEWOBJ_EX", NULL, 0},
    [0x93] = {"STACK_GLOBAL", NULL, 0},
    [0x94] = {"MEMOIZE", NULL, 0},
    [0x95] = {"FRAME", NULL, 0},
};

static int run(struct px_pickle_machine *m)
{
    const uint8_t *code;
    int rc;

    while ((rc = px_pickle_take(m, 1, &code)) == 0 && *code != STOP) {
        if (!opcodes[*code].run)
            return px_fail(m->err, PX_E_FORMAT,
                           "the pickle has the opcode %s (0x%02x) at byte %zu, which torch.save() "
                           "does not write for a state_dict",
                           opcodes[*code].name ? opcodes[*code].name : "unknown", *code, m->at - 1);
        rc = opcodes[*code].run(m, opcodes[*code].argument);
        if (rc)
            return rc;
    }
    if (rc)
        return rc;
    rc = px_pickle_pop(m, &m->pickle->root);
    if (!rc && m->depth)
        return px_fail(m->err, PX_E_FORMAT, "the pickle ends with %zu values left over", m->depth);
    m->pickle->size = m->at;
    return rc;
}

int px_pickle_read(struct px_pickle *pickle, const uint8_t *data, size_t size, struct px_error *err)
{
    struct px_pickle_machine machine = {.data = data, .size = size, .pickle = pickle, .err = err};

    *pickle = (struct px_pickle){0};
    int rc = run(&machine);
    free(machine.stack);
    free(machine.memo);
    if (rc)
        px_pickle_release(pickle);
    return rc;
}

void px_pickle_release(struct px_pickle *pickle)
{
    while (pickle->nodes) {
        struct px_pickle_node *node = pickle->nodes;
        pickle->nodes = node->next;
        free(node->items);
        free(node);
    }
    free(pickle->persistents);
    *pickle = (struct px_pickle){0};
}

const char *px_pickle_kind_name(enum px_pickle_kind kind)
{
    static const char *const names[] = {
        [PX_PICKLE_MARK] = "a mark",    [PX_PICKLE_NONE] = "None",
        [PX_PICKLE_BOOL] = "a boolean", [PX_PICKLE_INT] = "a number",
        [PX_PICKLE_FLOAT] = "a number", [PX_PICKLE_STRING] = "a string",
        [PX_PICKLE_GLOBAL] = "a class", [PX_PICKLE_TUPLE] = "a tuple",
        [PX_PICKLE_LIST] = "a list",    [PX_PICKLE_DICT] = "a dict",
        [PX_PICKLE_CALL] = "an object", [PX_PICKLE_PERSISTENT] = "a storage",
    };

    return names[kind];
}
