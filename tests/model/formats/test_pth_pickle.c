#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "model/formats/parts/pickle.h"
#include "model/formats/pth.h"

/* Pickles written as C strings; a string ends before its NUL. */
#define PICKLE(text) (const uint8_t *)(text), sizeof(text) - 1

static int read_bytes(const uint8_t *data, size_t size, struct px_pickle *pickle,
                      struct px_error *err)
{
    return px_pickle_read(pickle, data, size, err);
}

static void refuses(const uint8_t *data, size_t size, const char *message)
{
    struct px_pickle pickle;
    struct px_error err = {0};
    uint8_t *exact = malloc(size + 1);

    assert_non_null(exact);
    memcpy(exact + 1, data, size); /* ends where the block ends */
    int rc = px_pickle_read(&pickle, exact + 1, size, &err);
    if (rc != -PX_E_FORMAT || !strstr(err.message, message))
        fail_msg("expected '%s', got %d: %s", message, rc, err.message);
    free(exact);
}

static void test_numbers(void **state)
{
    static const struct {
        const uint8_t *data;
        size_t size;
        int64_t number;
    } cases[] = {
        {PICKLE("K\xff."), 255},
        {PICKLE("M\x34\x12."), 0x1234},
        {PICKLE("J\xff\xff\xff\xff."), -1},
        {PICKLE("\x8a\x00."), 0},
        {PICKLE("\x8a\x01\xfe."), -2},
        {PICKLE("\x8a\x02\xff\x00."), 255},
        {PICKLE("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), INT64_MIN},
        {PICKLE("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), INT64_MAX},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_pickle pickle;
        struct px_error err = {0};
        if (read_bytes(cases[i].data, cases[i].size, &pickle, &err) != 0)
            fail_msg("case %zu: %s", i, err.message);
        assert_int_equal(pickle.root.kind, PX_PICKLE_INT);
        assert_true(pickle.root.number == cases[i].number);
        px_pickle_clear(&pickle);
    }
}

static void test_containers(void **state)
{
    /* {'a': [1, (True, None)], 'b': the same list again} */
    static const char text[] = "\x80\x02}q\x00(U\x01"
                               "a]q\x01(K\x01\x88N\x86"
                               "eX\x01\x00\x00\x00"
                               "bh\x01u.rest";
    struct px_pickle pickle;
    struct px_error err = {0};
    (void)state;

    if (read_bytes(PICKLE(text), &pickle, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(pickle.size, sizeof text - 1 - 4);
    assert_int_equal(pickle.root.kind, PX_PICKLE_DICT);
    const struct px_pickle_node *dict = pickle.root.node;
    assert_int_equal(dict->count, 4);
    assert_int_equal(dict->items[2].kind, PX_PICKLE_STRING);
    assert_memory_equal(dict->items[2].text, "b", 1);
    assert_ptr_equal(dict->items[1].node, dict->items[3].node);
    const struct px_pickle_node *list = dict->items[1].node;
    assert_int_equal(list->count, 2);
    assert_int_equal(list->items[1].kind, PX_PICKLE_TUPLE);
    assert_int_equal(list->items[1].node->items[0].kind, PX_PICKLE_BOOL);
    assert_int_equal(list->items[1].node->items[1].kind, PX_PICKLE_NONE);
    px_pickle_clear(&pickle);
}

static void test_ordered_dicts(void **state)
{
    static const struct {
        const uint8_t *data;
        size_t size;
    } cases[] = {
        {PICKLE("ccollections\nOrderedDict\n)RU\x01xK\x01s.")}, /* Python 3 */
        {PICKLE("ccollections\nOrderedDict\n](]U\x01x"
                "aK\x01"
                "ae\x85R.")},                                             /* Python 2 */
        {PICKLE("ccollections\nOrderedDict\n)RU\x01xK\x01s}U\x01yNsb.")}, /* with attributes */
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_pickle pickle;
        struct px_error err = {0};
        if (read_bytes(cases[i].data, cases[i].size, &pickle, &err) != 0)
            fail_msg("case %zu: %s", i, err.message);
        assert_int_equal(pickle.root.kind, PX_PICKLE_DICT);
        assert_int_equal(pickle.root.node->count, 2);
        assert_int_equal(pickle.root.node->items[1].number, 1);
        px_pickle_clear(&pickle);
    }
}

static void reads(const uint8_t *data, size_t size, struct px_pickle *pickle)
{
    struct px_error err = {0};

    if (px_pickle_read(pickle, data, size, &err) != 0)
        fail_msg("%s", err.message);
}

/* What Python's own pickler writes for {'a': [1], 'b': the same list, 'c': b'xy', 'd': {1, 2}}. */
static void test_protocols(void **state)
{
    static const char four[] = "\x80\x04\x95\x2c\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01"
                               "a\x94]\x94K\x01"
                               "a\x8c\x01"
                               "b\x94h\x02\x8c\x01"
                               "c\x94"
                               "C\x02xy\x94\x8c\x01"
                               "d\x94\x8f\x94(K\x01K\x02\x90u.";
    struct px_pickle pickle;
    (void)state;

    reads(PICKLE(four), &pickle);
    const struct px_pickle_node *dict = pickle.root.node;
    assert_int_equal(dict->count, 8);
    assert_ptr_equal(dict->items[1].node, dict->items[3].node);
    assert_int_equal(dict->items[5].kind, PX_PICKLE_BYTES);
    assert_int_equal(dict->items[7].node->count, 2);
    px_pickle_clear(&pickle);
    reads(PICKLE("\x80\x05\x8d\1\0\0\0\0\0\0\0x\x96\2\0\0\0\0\0\0\0yz\x86\x94\x30h\0."), &pickle);
    assert_int_equal(pickle.root.node->items[0].size, 1);
    assert_int_equal(pickle.root.node->items[1].kind, PX_PICKLE_BYTES);
    px_pickle_clear(&pickle);
    reads(PICKLE("\x8a\x09\1\2\3\4\5\6\7\10\11."), &pickle);
    assert_int_equal(pickle.root.kind, PX_PICKLE_FLOAT);
    px_pickle_clear(&pickle);
}

static void test_foreign_objects(void **state)
{
    static const struct {
        const uint8_t *data;
        size_t size;
        const char *module, *name;
        size_t count;
    } cases[] = {
        {PICKLE("cos\nsystem\n(U\x02lstR."), "os", "system", 0},
        {PICKLE("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R."), "os", "system", 0},
        {PICKLE("cmodels.networks\nUnetGenerator\n)\x81}U\1xNsb."), "models.networks",
         "UnetGenerator", 0},
        {PICKLE("cx\nDict\n)}\x92U\1aK\1s(U\1bK\2u."), "x", "Dict", 4},
        {PICKLE("cx\nList\n)RK\1a(K\2e."), "x", "List", 0},
        {PICKLE("cfunctools\npartial\n)R)R."), "functools", "partial", 0},
        {PICKLE("c\xff\n\x01\n)R."), "?", "?", 0},
        {PICKLE("(U\6modulecx\nNet\nNNtQ)\x81."), "x", "Net", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_pickle pickle;
        reads(cases[i].data, cases[i].size, &pickle);
        assert_int_equal(pickle.root.kind, PX_PICKLE_CALL);
        const struct px_pickle_node *object = pickle.root.node;
        assert_int_equal(object->global->callable, PX_PICKLE_FOREIGN);
        assert_string_equal(object->global->module, cases[i].module);
        assert_string_equal(object->global->name, cases[i].name);
        assert_int_equal(object->count, cases[i].count);
        px_pickle_clear(&pickle);
    }
}

/* A list that contains itself is read, and released once. */
static void test_cycles(void **state)
{
    struct px_pickle pickle;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(read_bytes(PICKLE("]q\x01h\x01"
                                       "ah\x01"
                                       "a."),
                                &pickle, &err),
                     0);
    assert_int_equal(pickle.root.node->count, 2);
    assert_ptr_equal(pickle.root.node->items[0].node, pickle.root.node);
    px_pickle_clear(&pickle);
}

static void test_refusals(void **state)
{
    (void)state;

    refuses(PICKLE(""), "cut short");
    refuses(PICKLE("N"), "cut short");
    refuses(PICKLE("."), "takes a value that is not there");
    refuses(PICKLE("(."), "takes a value that is not there");
    refuses(PICKLE("NN."), "1 values left over");
    refuses(PICKLE("(N."), "1 values left over");
    refuses(PICKLE("\x80\x06N."), "pickle protocol 6, and at most 5 is known");
    refuses(PICKLE("K"), "cut short");
    refuses(PICKLE("J\1\2\3"), "cut short");
    refuses(PICKLE("G\1\2\3\4\5\6\7"), "cut short");
    refuses(PICKLE("U\x05"
                   "abc."),
            "cut short");
    refuses(PICKLE("X\xff\xff\xff\xff"
                   "abc."),
            "cut short");
    refuses(PICKLE("T\xff\xff\xff\xff."), "cut short");
    refuses(PICKLE("\x8b\xff\xff\xff\xff."), "cut short");
    refuses(PICKLE("\x8c\x02x."), "cut short");
    refuses(PICKLE("\x8d\xff\xff\xff\xff\xff\xff\xff\xffx."), "cut short");
    refuses(PICKLE("\x8e\xff\xff\xff\xff\xff\xff\xff\xffx."), "cut short");
    refuses(PICKLE("\x95\1\0\0."), "cut short");
    refuses(PICKLE("\x8a\xff."), "cut short");
}

static void test_stack(void **state)
{
    (void)state;

    refuses(PICKLE("\x85."), "a tuple of values that are not there");
    refuses(PICKLE("(N\x86."), "a tuple of values that are not there");
    refuses(PICKLE("NNt."), "lacks a mark");
    refuses(PICKLE("]Ne."), "lacks a mark");
    refuses(PICKLE("N(e."), "needs a list at byte 3, it has None");
    refuses(PICKLE("(e."), "needs a list at byte 2, it has nothing");
    refuses(PICKLE("](("
                   "e."),
            "needs a list at byte 4, it has a mark");
    refuses(PICKLE("](a."), "adds a mark to a list");
    refuses(PICKLE("]a."), "adds a value that is not there");
    refuses(PICKLE("}Ns."), "adds a value that is not there");
    refuses(PICKLE("]NNs."), "needs a dict at byte 4, it has a list");
    refuses(PICKLE("}(Nu."), "a key without a value");
    refuses(PICKLE("NR."), "needs a tuple");
    refuses(PICKLE(")R."), "takes a value that is not there");
    refuses(PICKLE("b."), "takes a value that is not there");
    refuses(PICKLE("Nb."), "sets attributes of nothing");
    refuses(PICKLE("]}b."), "sets attributes of a list");
    refuses(PICKLE("Q."), "needs a tuple");
}

static void test_memo(void **state)
{
    (void)state;

    refuses(PICKLE("h\x00."), "recalls value 0, which it never remembered");
    refuses(PICKLE("Nq\x07h\x06."), "recalls value 6, which it never remembered");
    refuses(PICKLE("Nq\x07j\xff\xff\xff\xff."), "recalls value 4294967295");
    refuses(PICKLE("Nr\xff\xff\xff\xff."), "remembers a value as number 4294967295");
    refuses(PICKLE("q\x00."), "remembers a value that is not there");
    refuses(PICKLE("(q\x00."), "remembers a value that is not there");
}

static void test_names(void **state)
{
    (void)state;

    refuses(PICKLE("ccollections\nOrderedDict"), "cut short within a name");
    refuses(PICKLE("ccollections"), "cut short within a name");
    refuses(PICKLE("ctorch\nFloatStorage\n)R."), "the pickle calls FloatStorage");
    refuses(PICKLE("N)R."), "the pickle calls None");
    refuses(PICKLE("ccollections\nOrderedDict\nN\x85R."), "an OrderedDict of None");
    refuses(PICKLE("ccollections\nOrderedDict\n]Na\x85R."), "something else than pairs");
    refuses(PICKLE("ccollections\nOrderedDict\n](](NNNee\x85R."), "something else than pairs");
    refuses(PICKLE("ctorch\nSize\nK\1\x85R."), "a Size of something else");
    refuses(PICKLE("ctorch\nSize\n)R."), "a Size of something else");
}

static void test_opcodes(void **state)
{
    static const char known[] =
        "(NKMJGXUT)]}taesuqrhjcRbQ.012BCdl\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c"
        "\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96";
    (void)state;

    refuses(PICKLE("cos\nx"), "cut short within a name");
    refuses(PICKLE("(S'ls'\nios\nsystem\n."), "the opcode STRING (0x53) at byte 1");
    refuses(PICKLE("ios\nsystem\n."), "the opcode INST (0x69) at byte 0");
    refuses(PICKLE("\x82\x01."), "the opcode EXT1 (0x82)");
    for (int code = 0; code < 256; code++) {
        const uint8_t text[] = {(uint8_t)code, '.'};
        if (code == 0 || !strchr(known, code))
            refuses(text, sizeof text, "the opcode ");
    }
}

/* Each of `count` repetitions of a text, then a STOP. */
static void refuses_many(const char *text, size_t count, const char *message)
{
    size_t n = strlen(text);
    uint8_t *data = malloc(n * count + 1);

    assert_non_null(data);
    for (size_t i = 0; i < count; i++)
        memcpy(data + n * i, text, n);
    data[n * count] = '.';
    refuses(data, n * count + 1, message);
    free(data);
}

static void test_limits(void **state)
{
    (void)state;

    refuses_many("(", 1 << 20, "piles up more than 65536 values"); /* deep nesting, */
    refuses_many("]", 1 << 20, "piles up more than 65536 values");
    refuses_many("]\x85", 1 << 20, "piles up more than 65536 values");
    refuses_many("Nq\x01\x85", 1 << 20, "piles up more than 65536 values");

    size_t n = 1 << 20;
    uint8_t *data = malloc(2 * n + 2);
    assert_non_null(data);
    data[0] = ']';
    for (size_t i = 0; i < n; i++)
        memcpy(data + 1 + 2 * i, ")a", 2);
    data[2 * n + 1] = '.';
    refuses(data, 2 * n + 2, "more than 262144 lists, dicts and calls");
    free(data);
    refuses_many("]NaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNaNa", 60000,
                 "the pickle has more than 1048576 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("reads numbers of every width and sign", test_numbers),
        CHECK("reads lists, tuples and dicts, shared ones once", test_containers),
        CHECK("reads OrderedDicts of Python 2 and 3", test_ordered_dicts),
        CHECK("reads protocols 4 and 5, and numbers beyond 64 bits", test_protocols),
        CHECK("keeps only the class of foreign objects, and what is set in them",
              test_foreign_objects),
        CHECK("reads a list that contains itself", test_cycles),
        CHECK("refuses what is cut short or left over", test_refusals),
        CHECK("refuses to take from an empty stack or past a mark", test_stack),
        CHECK("refuses gaps in the memo", test_memo),
        CHECK("refuses names that are not on its list, by name", test_names),
        CHECK("refuses opcodes that are not on its list, by name", test_opcodes),
        CHECK("limits depth, number of objects and number of values", test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
