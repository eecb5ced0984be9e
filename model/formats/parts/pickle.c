#include "model/formats/parts/pickle.h"

#include <stdbool.h>
#include <stdlib.h>

#include "model/formats/little.h"
#include "model/formats/parts/pickle_calls.h"
#include "model/formats/parts/pickle_machine.h"

enum { MAX_PROTOCOL = 5 };

/* The instructions: each takes the machine and the number that its row of the table has. */

static int protocol(struct px_pickle_machine *m, int unused)
{
    const uint8_t *version;
    int rc = px_pickle_take(m, 1, &version);

    (void)unused;
    if (!rc && *version > MAX_PROTOCOL)
        return px_fail(m->err, PX_E_FORMAT,
                       "the file uses pickle protocol %d, and at most %d is known; save it again "
                       "with torch.save's default",
                       *version, MAX_PROTOCOL);
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

/* A length of 1, 4 or 8 bytes. */
static int take_length(struct px_pickle_machine *m, int bytes, uint64_t *length)
{
    const uint8_t *p;
    int rc = px_pickle_take(m, (size_t)bytes, &p);

    if (!rc)
        *length = bytes == 1 ? *p : bytes == 4 ? px_u32(p) : px_u64(p);
    return rc;
}

/* A length, and the bytes that it announces. */
static int take_counted(struct px_pickle_machine *m, int length_bytes, const uint8_t **bytes,
                        uint64_t *length)
{
    int rc = take_length(m, length_bytes, length);

    return rc ? rc : px_pickle_take(m, *length, bytes);
}

/* LONG1 and LONG4: a length, then two's complement. Beyond 64 bits the value is not kept. */
static int long_number(struct px_pickle_machine *m, int length_bytes)
{
    const uint8_t *p;
    uint64_t length;
    int rc = take_counted(m, length_bytes, &p, &length);

    if (rc)
        return rc;
    if (length > 8)
        return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_FLOAT});
    uint64_t v = length && (p[length - 1] & 0x80) ? UINT64_MAX : 0; /* the sign, extended */
    for (size_t i = length; i-- > 0;)
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

/* A length, then text. A negative length of BINSTRING is too large for any file. */
static int string(struct px_pickle_machine *m, int length_bytes)
{
    const uint8_t *p;
    uint64_t length;
    int rc = take_counted(m, length_bytes, &p, &length);

    if (rc)
        return rc;
    if (length > UINT32_MAX)
        return px_fail(m->err, PX_E_FORMAT, "the pickle has a string of %llu bytes",
                       (unsigned long long)length);
    return px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_STRING,
                                                      .size = (uint32_t)length,
                                                      .text = (const char *)p});
}

static int bytes(struct px_pickle_machine *m, int length_bytes)
{
    const uint8_t *p;
    uint64_t length;
    int rc = take_counted(m, length_bytes, &p, &length);

    return rc ? rc : px_pickle_push(m, (struct px_pickle_value){.kind = PX_PICKLE_BYTES});
}

/* FRAME only groups what follows, for readers of streams. */
static int frame(struct px_pickle_machine *m, int unused)
{
    const uint8_t *p;

    (void)unused;
    return px_pickle_take(m, 8, &p);
}

static int empty(struct px_pickle_machine *m, int kind)
{
    struct px_pickle_node *node;

    return px_pickle_push_node(m, (enum px_pickle_kind)kind, &node);
}

/* Makes a node of the `count` values on top, which replaces them and `marks` marks below. */
static int gather(struct px_pickle_machine *m, enum px_pickle_kind kind, size_t count, size_t marks)
{
    struct px_pickle_node *node;
    int rc = px_pickle_push_node(m, kind, &node);

    if (rc)
        return rc;
    struct px_pickle_value value = m->stack[--m->depth];
    rc = px_pickle_append(m, node, m->stack + m->depth - count, count);
    m->depth -= count + marks;
    return rc ? rc : px_pickle_push(m, value);
}

static int tuple(struct px_pickle_machine *m, int count)
{
    for (size_t i = 0; i < (size_t)count; i++)
        if (i >= m->depth || m->stack[m->depth - 1 - i].kind == PX_PICKLE_MARK)
            return px_fail(m->err, PX_E_FORMAT,
                           "the pickle makes a tuple of values that are not "
                           "there");
    return gather(m, PX_PICKLE_TUPLE, (size_t)count, 0);
}

static int gather_from_mark(struct px_pickle_machine *m, int kind)
{
    size_t count;
    int rc = px_pickle_above_mark(m, &count);

    if (!rc && kind == PX_PICKLE_DICT && count % 2)
        return px_fail(m->err, PX_E_FORMAT, "the pickle sets a key without a value (byte %zu)",
                       m->at);
    return rc ? rc : gather(m, (enum px_pickle_kind)kind, count, 1);
}

static int pop(struct px_pickle_machine *m, int unused)
{
    (void)unused;
    if (m->depth == 0)
        return px_fail(m->err, PX_E_FORMAT, "the pickle drops a value that is not there");
    m->depth--;
    return 0;
}

static int pop_mark(struct px_pickle_machine *m, int unused)
{
    size_t count;
    int rc = px_pickle_above_mark(m, &count);

    (void)unused;
    if (!rc)
        m->depth -= count + 1;
    return rc;
}

static int duplicate(struct px_pickle_machine *m, int unused)
{
    struct px_pickle_value value;
    int rc = px_pickle_pop(m, &value);

    (void)unused;
    if (!rc)
        rc = px_pickle_push(m, value);
    return rc ? rc : px_pickle_push(m, value);
}

/* Adds values to an object of a foreign class: those that are set as in a dict are kept. */
static int add_foreign(struct px_pickle_machine *m, enum px_pickle_kind kind,
                       const struct px_pickle_value *values, size_t count)
{
    struct px_pickle_node *object = m->stack[m->depth - 1].node;

    return kind == PX_PICKLE_DICT ? px_pickle_append(m, object, values, count) : 0;
}

static bool is_foreign(const struct px_pickle_value *value)
{
    return value->kind == PX_PICKLE_CALL && value->node->global->callable == PX_PICKLE_FOREIGN;
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
    if (m->depth > 0 && is_foreign(&m->stack[m->depth - 1]))
        return add_foreign(m, kind, m->stack + top - count, count);
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

static int memoize(struct px_pickle_machine *m, int unused)
{
    (void)unused;
    return px_pickle_put(m, m->memo_count);
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
    [0x8a] = {"LONG1", long_number, 1},
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
    ['t'] = {"TUPLE", gather_from_mark, PX_PICKLE_TUPLE},
    ['a'] = {"APPEND", add_one, PX_PICKLE_LIST},
    ['e'] = {"APPENDS", add_from_mark, PX_PICKLE_LIST},
    ['s'] = {"SETITEM", add_one, PX_PICKLE_DICT},
    ['u'] = {"SETITEMS", add_from_mark, PX_PICKLE_DICT},
    ['q'] = {"BINPUT", put, 1},
    ['r'] = {"LONG_BINPUT", put, 4},
    ['h'] = {"BINGET", get, 1},
    ['j'] = {"LONG_BINGET", get, 4},
    ['c'] = {"GLOBAL", px_pickle_push_global, 0},
    ['R'] = {"REDUCE", px_pickle_reduce, 0},
    [0x81] = {"NEWOBJ", px_pickle_reduce, 0}, /* cls.__new__(cls, *args): the same to us */
    ['b'] = {"BUILD", px_pickle_build, 0},
    ['Q'] = {"BINPERSID", px_pickle_persistent, 0},
    ['0'] = {"POP", pop, 0},
    ['1'] = {"POP_MARK", pop_mark, 0},
    ['2'] = {"DUP", duplicate, 0},
    ['B'] = {"BINBYTES", bytes, 4},
    ['C'] = {"SHORT_BINBYTES", bytes, 1},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['d'] = {"DICT", gather_from_mark, PX_PICKLE_DICT},
    ['g'] = {"GET", NULL, 0},
    ['i'] = {"INST", NULL, 0},
    ['l'] = {"LIST", gather_from_mark, PX_PICKLE_LIST},
    ['o'] = {"OBJ", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x8b] = {"LONG4", long_number, 4},
    [0x8c] = {"SHORT_BINUNICODE", string, 1},
    [0x8d] = {"BINUNICODE8", string, 8},
    [0x8e] = {"BINBYTES8", bytes, 8},
    [0x8f] = {"EMPTY_SET", empty, PX_PICKLE_LIST},
    [0x90] = {"ADDITEMS", add_from_mark, PX_PICKLE_LIST},
    [0x91] = {"FROZENSET", gather_from_mark, PX_PICKLE_LIST},
    [0x92] = {"NEWOBJ_EX", px_pickle_new_object, 0},
    [0x93] = {"STACK_GLOBAL", px_pickle_stack_global, 0},
    [0x94] = {"MEMOIZE", memoize, 0},
    [0x95] = {"FRAME", frame, 0},
    [0x96] = {"BYTEARRAY8", bytes, 8},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0},
};

static int run(struct px_pickle_machine *m)
{
    const uint8_t *code;
    int rc;

    while ((rc = px_pickle_take(m, 1, &code)) == 0 && *code != STOP) {
        if (!opcodes[*code].run)
            return px_fail(m->err, PX_E_FORMAT,
                           "the pickle has the opcode %s (0x%02x) at byte %zu, which torch.save() "
                           "does not write",
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
        px_pickle_clear(pickle);
    return rc;
}

void px_pickle_clear(struct px_pickle *pickle)
{
    while (pickle->nodes) {
        struct px_pickle_node *node = pickle->nodes;
        pickle->nodes = node->next;
        free(node->items);
        free(node);
    }
    while (pickle->foreigners) {
        struct px_pickle_foreign *foreign = pickle->foreigners;
        pickle->foreigners = foreign->next;
        free(foreign);
    }
    free(pickle->persistents);
    *pickle = (struct px_pickle){0};
}
