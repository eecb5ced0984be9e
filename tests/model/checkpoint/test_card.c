#include "tests/check.h"

#include "base/file.h"
#include "model/checkpoint/card.h"
#include "model/formats/safetensors.h"
#include "tests/model/checkpoint/parts.h"

static struct px_card *new_card(void)
{
    struct px_card *card = NULL;

    assert_int_equal(px_card_create(&card, NULL), 0);
    return card;
}

static void expect_json(const struct px_card *card, const char *expected)
{
    char *text = px_card_json(card);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void parse_good(struct px_card *card, const char *json)
{
    struct px_error err = {0};

    if (px_card_parse(card, json, strlen(json), &err) != 0)
        fail_msg("%s: %s", json, err.message);
}

static void parse_bad(const char *json, const char *message)
{
    struct px_card *card = new_card();
    struct px_error err = {0};

    parse_good(card, "{\"title\": \"before\"}");
    int rc = px_card_parse(card, json, strlen(json), &err);
    if (rc != -PX_E_FORMAT || !strstr(err.message, message))
        fail_msg("%s: expected '%s', got %d: %s", json, message, rc, err.message);
    expect_json(card, "{\"title\":\"before\"}");
    px_card_destroy(card);
}

static void test_all_keys(void **state)
{
    struct px_card *card = new_card();
    (void)state;

    expect_json(card, "{}");
    parse_good(card,
               "{\"line_width\": 2.5, \"title\": \"H\xc3\xa4user\", \"description\": \"Draw.\","
               " \"input\": \"labels\", \"examples\": [\"data:image/png;base64,AAA=\"],"
               " \"palette\": [{\"name\": \"sky\", \"colour\": \"#00AAff\"}]}");
    expect_json(card, "{\"title\":\"H\xc3\xa4user\",\"description\":\"Draw.\",\"input\":\"labels\","
                      "\"palette\":[{\"name\":\"sky\",\"colour\":\"#00aaff\"}],\"line_width\":2.5,"
                      "\"examples\":[\"data:image/png;base64,AAA=\"]}");
    assert_string_equal(px_card_notes(card), "");
    px_card_destroy(card);
    px_card_destroy(NULL);
}

static void test_cmp(void **state)
{
    struct px_card *card = new_card();
    char *text;
    (void)state;

    parse_good(card, "{\"palette\": \"cmp\"}");
    text = px_card_json(card);
    assert_non_null(strstr(text, "[{\"name\":\"background\",\"colour\":\"#0006d9\"},"));
    assert_non_null(strstr(text, "{\"name\":\"entrance\",\"colour\":\"#00c9ff\"}]"));
    parse_good(card, text);
    expect_json(card, text);
    free(text);
    px_card_destroy(card);
}

static void test_cityscapes(void **state)
{
    struct px_card *card = new_card();
    struct px_card_colour colours[PX_CARD_COLOURS];
    int scored = 0;
    (void)state;

    assert_int_equal(px_card_palette(card, NULL), 0);
    parse_good(card, "{\"palette\": \"cityscapes\"}");
    size_t count = px_card_palette(card, colours);
    for (size_t i = 0; i < count; i++)
        scored += strncmp(colours[i].name, "void", 4) != 0;
    assert_int_equal(scored, 19);
    assert_string_equal(colours[1].name, "road");
    assert_memory_equal(colours[1].rgb, ((uint8_t[]){128, 64, 128}), 3);
    parse_good(card, "{\"palette\": null}");
    assert_int_equal(px_card_palette(card, colours), 0);
    px_card_destroy(card);
}

static void test_later_wins(void **state)
{
    struct px_card *card = new_card(), *other = new_card();
    size_t count;
    (void)state;

    parse_good(card, "{\"title\": \"a\", \"description\": \"b\", \"line_width\": 2}");
    parse_good(card, "{\"title\": \"c\", \"description\": null}");
    expect_json(card, "{\"title\":\"c\",\"line_width\":2}");
    px_card_metadata(card, &count);
    assert_int_equal(count, 2);
    parse_good(other, "{\"title\": \"d\", \"description\": \"e\", \"input\": \"photo\"}");
    assert_int_equal(px_card_fill(card, other, NULL), 0);
    px_card_destroy(other);
    expect_json(card, "{\"title\":\"c\",\"input\":\"photo\",\"line_width\":2}");
    px_card_destroy(card);
}

static void test_unknown_keys(void **state)
{
    struct px_card *card = new_card();
    (void)state;

    parse_good(card, "{\"author\": [1, {}], \"title\": \"a\", \"li\\ncence\": 3}");
    expect_json(card, "{\"title\":\"a\"}");
    assert_string_equal(px_card_notes(card), "the key 'author' is not known and ignored; "
                                             "the key 'li?cence' is not known and ignored");
    px_card_destroy(card);
}

static void test_refused(void **state)
{
    static const char *const pairs[][2] = {
        {"", "not valid JSON"},
        {"{\"title\": \"a\"", "not valid JSON"},
        {"{\"title\": \"\xff\"}", "not valid JSON"},
        {"{\"title\": \"a\\u0000b\"}", "not valid JSON"},
        {"{\"title\": \"a\", \"title\": \"b\"}", "duplicate object key"},
        {"[]", "holds no JSON object"},
        {"{\"title\": 3}", "title: must be a string"},
        {"{\"title\": \"\"}", "title: is empty"},
        {"{\"title\": \"a\\nb\"}", "title: 'a?b' has line breaks"},
        {"{\"description\": \"\\u009b\"}", "description: '?' has line breaks"},
        {"{\"input\": \"sketch\"}", "input: 'sketch' is not known, allowed: lines, labels, photo"},
        {"{\"input\": []}", "input: must be a string"},
        {"{\"preferred\": 1}", "preferred: must be true or false"},
        {"{\"line_width\": \"2\"}", "line_width: must be a number"},
        {"{\"line_width\": 0}", "line_width: 0 pixels: must be 0.5 to 64"},
        {"{\"line_width\": 65}", "line_width: 65 pixels"},
        {"{\"line_width\": 1e999}", "not valid JSON"},
        {"{\"palette\": \"CMP\"}", "palette: must be \"cmp\", \"cityscapes\" or an array"},
        {"{\"palette\": []}", "palette: must be \"cmp\", \"cityscapes\" or an array"},
        {"{\"palette\": [3]}", "palette: entry 1: must be {"},
        {"{\"palette\": [{}]}", "palette: entry 1: name: must be a string"},
        {"{\"palette\": [{\"name\": \"a\"}]}", "palette: entry 1: the colour '' of 'a'"},
        {"{\"palette\": [{\"name\": \"a\", \"colour\": \"red\"}]}", "the colour 'red' of 'a'"},
        {"{\"palette\": [{\"name\": \"a\", \"colour\": \"#12345g\"}]}", "is not #rrggbb"},
        {"{\"palette\": [{\"name\": \"a\", \"colour\": \"#123456\"}, {\"name\": \"b\", "
         "\"colour\": \"#123456\"}]}",
         "palette: entry 2: the colour #123456 appears twice"},
        {"{\"palette\": [{\"name\": \"a\", \"colour\": \"#123456\"}, {\"name\": \"a\", "
         "\"colour\": \"#123457\"}]}",
         "palette: entry 2: the name 'a' appears twice"},
        {"{\"examples\": \"a.png\"}", "examples: must be an array"},
        {"{\"examples\": []}", "examples: must be an array"},
        {"{\"examples\": [\"a.png\"]}", "examples: entry 1: 'a.png' must be data:image/png"},
        {"{\"examples\": [\"data:image/svg+xml;base64,AAAA\"]}", "examples: entry 1"},
        {"{\"examples\": [\"data:image/png;base64,\"]}", "examples: entry 1"},
        {"{\"examples\": [\"data:image/png;base64,AAA\"]}", "examples: entry 1"},
        {"{\"examples\": [\"data:image/png;base64,A===\"]}", "examples: entry 1"},
        {"{\"examples\": [\"data:image/png;base64,AA A\"]}", "examples: entry 1"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        parse_bad(pairs[i][0], pairs[i][1]);
}

/* `count` times `item` between two texts. */
static const char *repeat(const char *before, const char *item, size_t count, const char *after)
{
    static char text[1 << 17];
    size_t used = (size_t)sprintf(text, "%s", before);

    for (size_t i = 0; i < count; i++)
        used += (size_t)sprintf(text + used, "%s", item);
    sprintf(text + used, "%s", after);
    return text;
}

static void test_limits(void **state)
{
    static const char url[] = "{\"examples\": [\"data:image/png;base64,";
    struct px_card *card = new_card();
    char palette[65 * 48 + 32];
    size_t used = 0;
    (void)state;

    parse_good(card, repeat("{\"title\": \"", "\xe2\x82\xac", 80, "\"}"));
    parse_bad(repeat("{\"title\": \"", "\xe2\x82\xac", 81, "\"}"),
              "title: has 81 characters, 80 are allowed");
    parse_good(card, repeat("{\"description\": \"", "a", 400, "\"}"));
    parse_bad(repeat("{\"description\": \"", "a", 401, "\"}"), "description: has 401 characters");
    parse_bad(repeat("{\"palette\": [{\"name\": \"", "a", 41, "\", \"colour\": \"#123456\"}]}"),
              "palette: entry 1: name: has 41 characters, 40 are allowed");
    parse_good(card, repeat(url, "AAAA", 8186, "\"]}"));
    parse_bad(repeat(url, "AAAA", 8187, "\"]}"), "examples: entry 1: has 32770 characters");
    parse_bad(repeat("{\"examples\": [1", ",1", 8, "]}"), "examples: has 9 pictures");
    for (int i = 0; i < 65; i++)
        used += (size_t)sprintf(palette + used, "%s{\"name\": \"%d\", \"colour\": \"#0000%02x\"}",
                                i ? "," : "{\"palette\": [", i, (unsigned)i);
    strcpy(palette + used, "]}");
    parse_bad(palette, "palette: has 65 colours, 64 are allowed");
    *strrchr(palette, ',') = 0; /* within the last entry */
    strcpy(strrchr(palette, ','), "]}");
    parse_good(card, palette);
    px_card_destroy(card);
}

static void test_texts(void **state)
{
    struct px_card *card = new_card();
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_card_add_text(card, "title", "a", &err), 0);
    assert_int_equal(px_card_add_text(card, "input", "photo", &err), 0);
    assert_int_equal(px_card_add_text(card, "title", "\xff", &err), -PX_E_INVALID);
    assert_string_equal(err.message, "'?' is not UTF-8");
    assert_int_equal(px_card_add_text(card, "title", "a\tb", &err), -PX_E_INVALID);
    assert_int_equal(err.code, PX_E_INVALID);
    expect_json(card, "{\"title\":\"a\",\"input\":\"photo\"}");
    px_card_destroy(card);
}

/* Writes the parts with a card among the metadata. */
static void save_with(const struct parts *parts, const struct px_card *card)
{
    struct px_error err = {0};
    size_t count;
    const struct px_metadata *entries = px_card_metadata(card, &count);

    if (px_checkpoint_save(scratch, px_checkpoint_network(parts->source), parts->tensors,
                           parts->count, entries, count, PX_F32, &err))
        fail_msg("%s", err.message);
}

static void write_beside(const char *json)
{
    char path[128];

    snprintf(path, sizeof path, "%s/g.json", folder);
    assert_int_equal(px_file_save(path, json, strlen(json), NULL), 0);
}

static void remove_beside(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/g.json", folder);
    unlink(path);
}

static int add_model(struct px_card *card, struct px_error *err)
{
    struct px_checkpoint *checkpoint = open_good(scratch);
    int rc = px_card_add_model(card, checkpoint, scratch, err);

    px_checkpoint_close(checkpoint);
    return rc;
}

static void test_round_trip(void **state)
{
    static const char all[] =
        "{\"title\":\"\xe2\x80\x9c\\\"q\\\\\xe2\x80\x9d\",\"description\":\"d\",\"input\":"
        "\"lines\","
        "\"palette\":[{\"name\":\"\\\"\",\"colour\":\"#00aaff\"}],\"line_width\":0.7,"
        "\"examples\":[\"data:image/jpeg;base64,/+==\",\"data:image/webp;base64,AAAA\"]}";
    struct parts parts = take_apart();
    struct px_card *card = new_card(), *again = new_card();
    struct px_error err = {0};
    (void)state;

    parse_good(card, all);
    save_with(&parts, card);
    assert_int_equal(add_model(again, &err), 0);
    expect_json(again, all);
    assert_string_equal(px_card_notes(again), "");
    px_card_destroy(again);
    px_card_destroy(card);
    px_checkpoint_close(parts.source);
}

static void test_file_wins(void **state)
{
    struct parts parts = take_apart();
    struct px_card *card = new_card(), *read = new_card();
    struct px_error err = {0};
    char message[256];
    (void)state;

    parse_good(card, "{\"title\": \"a\", \"description\": \"b\", \"input\": \"lines\"}");
    save_with(&parts, card);
    write_beside("{\"title\": \"c\", \"input\": null}\n");
    assert_int_equal(add_model(read, &err), 0);
    expect_json(read, "{\"title\":\"c\",\"description\":\"b\"}");
    write_beside("{\"title\": 1}");
    assert_int_equal(add_model(read, &err), -PX_E_FORMAT);
    snprintf(message, sizeof message, "%s/g.json: title: must be a string", folder);
    assert_string_equal(err.message, message);
    remove_beside();
    px_card_destroy(read);
    px_card_destroy(card);
    px_checkpoint_close(parts.source);
}

/* What means nothing here is refused in our own files and ignored in those of others. */
static void test_bad_metadata(void **state)
{
    static const char *const pairs[][3] = {
        {"title", "", "metadata: title: is empty"},
        {"title", "a\nb", "metadata: title: 'a?b' has line breaks"},
        {"input", "image", "metadata: input: 'image' is not known"},
        {"palette", "cmp", "metadata: palette: 'cmp' is not JSON"},
        {"palette", "[1]", "metadata: palette: entry 1: must be"},
        {"line_width", "2px", "metadata: line_width: '2px' is not JSON"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct parts parts = take_apart();
        const struct px_metadata own[] = {{"architecture", "unet_32"}, {pairs[i][0], pairs[i][1]}};
        const struct px_metadata foreign[] = {{"format", "pt"}, own[1], {"description", "d"}};
        struct px_card *card = new_card();
        struct px_error err = {0};

        assert_int_equal(px_safetensors_save(scratch, parts.tensors, parts.count, own, 2, &err), 0);
        assert_int_equal(add_model(card, &err), -PX_E_FORMAT);
        if (!strstr(err.message, pairs[i][2]) || strstr(err.message, scratch) != err.message)
            fail_msg("expected '%s', got %s", pairs[i][2], err.message);
        assert_int_equal(px_safetensors_save(scratch, parts.tensors, parts.count, foreign, 3, &err),
                         0);
        assert_int_equal(add_model(card, &err), 0);
        expect_json(card, "{\"description\":\"d\"}");
        assert_non_null(strstr(px_card_notes(card), pairs[i][2]));
        px_card_destroy(card);
        px_checkpoint_close(parts.source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a card holds every key, in one order", test_all_keys),
        CHECK("the palette of CMP is known by name", test_cmp),
        CHECK("so is that of Cityscapes; a palette can be read colour by colour", test_cityscapes),
        CHECK("what is added later wins, null removes, and filling keeps both", test_later_wins),
        CHECK("unknown keys are ignored and noted", test_unknown_keys),
        CHECK("malformed cards are refused with the key, and add nothing", test_refused),
        CHECK("lengths and counts are allowed up to their limits", test_limits),
        CHECK("texts are set one by one", test_texts),
        CHECK("a card survives a safetensors file", test_round_trip),
        CHECK("NAME.json wins over the metadata, key by key", test_file_wins),
        CHECK("bad metadata is refused in own files and noted in others", test_bad_metadata),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
