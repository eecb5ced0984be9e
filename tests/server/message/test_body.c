#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "server/message/body.h"

static const uint8_t png[] = "\x89PNG\r\n\x1a\n....";
static const uint8_t jpeg[] = "\xff\xd8\xff\xe0....";

/* Reads a body that is copied to an exact-size block, then forgets it. */
static int read_body(const void *data, size_t size, enum px_body_kind kind,
                     struct px_fields *fields, size_t *image_size, struct px_error *err)
{
    struct px_content_type type = {.kind = kind, .boundary = "XX"};
    struct px_body body = {.whole = {malloc(size + !size), size}};

    memcpy(body.whole.data, data, size);
    int rc = px_body_read(&body, &type, fields, err);
    if (rc == 0) {
        *image_size = body.image_size;
        if (body.image_size > 0)
            assert_true(body.image >= body.whole.data);
    }
    px_body_clear(&body);
    return rc;
}

static void test_raw(void **state)
{
    struct px_fields fields = {0};
    struct px_error err = {0};
    size_t size = 0;

    (void)state;
    assert_int_equal(read_body(png, 12, PX_BODY_PNG, &fields, &size, &err), 0);
    assert_int_equal(size, 12);
    assert_int_equal(read_body(jpeg, 8, PX_BODY_JPEG, &fields, &size, &err), 0);
    assert_int_equal(read_body(jpeg, 8, PX_BODY_BYTES, &fields, &size, &err), 0);
    assert_int_equal(read_body(jpeg, 8, PX_BODY_PNG, &fields, &size, &err), -PX_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "send 'Content-Type: image/jpeg'"));
    assert_int_equal(read_body(png, 12, PX_BODY_JPEG, &fields, &size, &err), -PX_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "send 'Content-Type: image/png'"));
}

/* `image`: the picture's bytes; NULL: refused. `fields`: model, quality and dropout, "-" where not
 * given. */
static const struct {
    const char *json, *image, *fields;
} rows[] = {
    {"{\"image\":\"YWJj\"}", "abc", "- - -"},
    {"{\"image\":\"data:image/png;base64,YWJj\"}", "abc", "- - -"},
    {"{\"image\":\"DATA:;base64,YWJj\",\"model\":\"m\"}", "abc", "m - -"},
    {"{\"quality\":80,\"dropout\":\"off\",\"image\":\"YWI=\"}", "ab", "- 80 off"},
    {" {\"dropout\":7,\n\"image\":\"YWI\"} ", "ab", "- - 7"},
    {"{\"image\":\"\"}", "", "- - -"},
    {"{\"image\":\"YWJj\",\"model\":null,\"quality\":90.0}", "abc", "- 90 -"},
    {"{\"image\":\"YWJj\",\"dropout\":4.2e1,\"model\":\"\",\"colour\":\"\"}", "abc", "- - 42"},
    {"\xef\xbb\xbf{\"image\":\"YWJj\"}", "abc", "- - -"},
    {"", NULL, NULL},
    {"{", NULL, NULL},
    {"[]", NULL, NULL},
    {"\"image\"", NULL, NULL},
    {"{}", NULL, NULL},
    {"{\"image\":\"YWJj\"} x", NULL, NULL},
    {"{\"image\":\"YWJj\",\"image\":\"YWJj\"}", NULL, NULL},
    {"{\"image\":7}", NULL, NULL},
    {"{\"image\":null}", NULL, NULL},
    {"{\"image\":\"Y*Jj\"}", NULL, NULL},
    {"{\"image\":\"data:image/png,abc\"}", NULL, NULL},
    {"{\"image\":\"data:image/png;base64\"}", NULL, NULL},
    {"{\"image\":\"data:\"}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"model\":\"a\",\"model\":null}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"colour\":[]}", NULL, NULL},
    {"{\"image\":\"https://a.example/b.png\"}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"dropout\":1e300}", NULL, NULL},
    {"\xef\xbb\xbf", NULL, NULL},
    {"\xef\xbb\xbf\xef\xbb\xbf{\"image\":\"YWJj\"}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"quality\":8.5}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"dropout\":false}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"colour\":\"red\"}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"model\":\"a\\u0000b\"}", NULL, NULL},
    {"{\"image\":\"YWJj\",\"dropout\":99999999999999999999}", NULL, NULL},
};

static void check_row(size_t i)
{
    struct px_fields fields = {0};
    struct px_error err = {0};
    size_t size = 0;
    char text[100];
    int rc = read_body(rows[i].json, strlen(rows[i].json), PX_BODY_JSON, &fields, &size, &err);

    if ((rc == 0) != (rows[i].image != NULL))
        fail_msg("%s: %d %s", rows[i].json, rc, err.message);
    if (rc == 0) {
        assert_int_equal(size, strlen(rows[i].image));
        const char *model = fields.text[PX_FIELD_MODEL], *quality = fields.text[PX_FIELD_QUALITY],
                   *dropout = fields.text[PX_FIELD_DROPOUT];
        snprintf(text, sizeof text, "%s %s %s", model ? model : "-", quality ? quality : "-",
                 dropout ? dropout : "-");
        assert_string_equal(text, rows[i].fields);
    } else {
        assert_int_equal(rc, -PX_E_INVALID);
    }
    px_fields_clear(&fields);
}

static void test_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(i);
}

static void test_deep_json(void **state)
{
    size_t depth = 1000000;
    char *text = malloc(depth);
    struct px_fields fields = {0};
    struct px_error err = {0};

    (void)state;
    memset(text, '[', depth);
    assert_int_equal(read_body(text, depth, PX_BODY_JSON, &fields, &depth, &err), -PX_E_INVALID);
    free(text);
}

/* What jansson has asked for in all. */
static size_t asked;

static void *count(size_t size)
{
    asked += size;
    return malloc(size);
}

/* `open`, then `piece` again and again up to a megabyte, then `close`. */
static void check_memory(const char *open, const char *piece, const char *close)
{
    size_t size = strlen(open), each = strlen(piece);
    char *text = malloc((1 << 20) + 100);
    struct px_fields fields = {0};
    struct px_error err = {0};

    strcpy(text, open);
    for (; size < 1 << 20; size += each)
        strcpy(text + size, piece);
    strcpy(text + size, close);
    size += strlen(close);
    asked = 0;
    int rc = read_body(text, size, PX_BODY_JSON, &fields, &size, &err);
    if (rc != -PX_E_INVALID || asked > 4096)
        fail_msg("%s%s...: %d %s, %zu bytes allocated", open, piece, rc, err.message, asked);
    px_fields_clear(&fields);
    free(text);
}

static void test_json_memory(void **state)
{
    (void)state;
    json_set_alloc_funcs(count, free);
    check_memory("{\"image\":[0", ",0", "]}");
    check_memory("{\"image\":\"\\\"\"", ",\"fit\":0", "}");
    check_memory("[0", ",0", "]");
    check_memory("{\"image\":", "{\"image\":", "");
    json_set_alloc_funcs(malloc, free);
}

#define FIELD(name, value)                                                                         \
    "--XX\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" value "\r\n"
#define UPLOAD(name, value)                                                                        \
    "--XX\r\nContent-Disposition: form-data; name=" name "; filename=x\r\n\r\n" value "\r\n"

#define NOT_CHOSEN(name)                                                                           \
    "--XX\r\nContent-Disposition: form-data; name=" name "; filename=\"\"\r\n"                     \
    "Content-Type: application/octet-stream\r\n\r\n\r\n"

static void test_forms(void **state)
{
    static const struct {
        const char *body;
        int size; /* of the picture; -1: refused */
    } forms[] = {
        {UPLOAD("image", "abc") "--XX--", 3},
        {UPLOAD("photo", "abcd") "--XX--", 4},
        {UPLOAD("photo", "abcd") UPLOAD("image", "abc") "--XX--", 3},
        {UPLOAD("image", "abc") UPLOAD("photo", "abcd") "--XX--", 3},
        {UPLOAD("first", "ab") UPLOAD("second", "abcd") "--XX--", 2},
        {FIELD("model", "m") UPLOAD("image", "abc") FIELD("model", "m") "--XX--", 3},
        {FIELD("model", "m") UPLOAD("image", "abc") FIELD("model", "n") "--XX--", -1},
        {UPLOAD("image", "abc") UPLOAD("image", "abcd") "--XX--", -1},
        {FIELD("image", "abc") "--XX--", -1},
        {FIELD("model", "m") "--XX--", -1},
        {UPLOAD("image", "abc") FIELD("colour", "red") "--XX--", -1},
        {UPLOAD("image", "abc") FIELD("colour", "") FIELD("model", "") "--XX--", 3},
        {UPLOAD("image", "abc") FIELD("submit", "Upload") FIELD("model", "m") "--XX--", 3},
        {FIELD("image", "") UPLOAD("photo", "abcd") "--XX--", 4},
        {NOT_CHOSEN("image") UPLOAD("photo", "abcd") "--XX--", 4},
        {NOT_CHOSEN("image") "--XX--", -1},
        {FIELD("image", "http://a.example/b.png") "--XX--", -1},
        {"--XX--", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct px_fields fields = {0};
        struct px_error err = {0};
        size_t size = 0;
        int rc = read_body(forms[i].body, strlen(forms[i].body), PX_BODY_MULTIPART, &fields, &size,
                           &err);
        if ((rc == 0) != (forms[i].size >= 0) || (rc == 0 && (int)size != forms[i].size))
            fail_msg("form %zu: %d %s", i, rc, err.message);
        px_fields_clear(&fields);
    }
}

static int add(struct px_fields *fields, const char *name, const char *value, struct px_error *err)
{
    return px_fields_add(fields, name, value, strlen(value), "query parameter", err);
}

static void test_fields(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } values[] = {
        {"format", "png", true},
        {"format", "jpeg", true},
        {"format", "gif", false},
        {"format", "PNG", false},
        {"quality", "1", true},
        {"quality", "100", true},
        {"quality", "0", false},
        {"quality", "101", false},
        {"quality", "", true},
        {"quality", "8x", false},
        {"png", "small", true},
        {"png", "fast", true},
        {"png", "best", false},
        {"fit", "model", true},
        {"fit", "image", true},
        {"fit", "scale", true},
        {"fit", "crop", false},
        {"norm", "batch", true},
        {"norm", "running", true},
        {"norm", "instance", false},
        {"dropout", "off", true},
        {"dropout", "0", true},
        {"dropout", "18446744073709551615", true},
        {"dropout", "-1", false},
        {"dropout", "18446744073709551616", false},
        {"dropout", "on", false},
        {"dropout", "1.5", false},
        {"dropout", "", true},
        {"dropout", " 1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct px_fields fields = {0};
        struct px_params params;
        struct px_error err = {0};
        assert_int_equal(add(&fields, values[i].name, values[i].value, &err), 0);
        int rc = px_fields_read(&fields, &params, &err);
        if (rc != (values[i].good ? 0 : -PX_E_INVALID))
            fail_msg("%s=%s gives %d", values[i].name, values[i].value, rc);
        if (rc < 0)
            assert_non_null(strstr(err.message, values[i].name));
        px_fields_clear(&fields);
    }
}

static void test_defaults(void **state)
{
    struct px_fields fields = {0};
    struct px_params params;
    struct px_error err = {0};

    (void)state;
    assert_int_equal(px_fields_read(&fields, &params, &err), 0);
    assert_null(params.model);
    assert_int_equal(params.format, PX_FORMAT_NONE);
    assert_int_equal(params.fit, PX_FIT_MODEL);
    assert_int_equal(params.norm, PX_TEST_BATCH);
    assert_false(params.has_norm);
    assert_false(params.dropout);
}

static void test_meaning(void **state)
{
    struct px_fields fields = {0};
    struct px_params params;
    struct px_error err = {0};

    (void)state;
    add(&fields, "model", "m", &err);
    add(&fields, "format", "png", &err);
    add(&fields, "quality", "7", &err);
    add(&fields, "fit", "scale", &err);
    add(&fields, "norm", "running", &err);
    add(&fields, "dropout", "18446744073709551615", &err);
    assert_int_equal(px_fields_read(&fields, &params, &err), 0);
    assert_string_equal(params.model, "m");
    assert_int_equal(params.format, PX_FORMAT_PNG);
    assert_int_equal(params.quality, 7);
    assert_int_equal(params.fit, PX_FIT_SCALE);
    assert_int_equal(params.norm, PX_TEST_RUNNING);
    assert_true(params.has_norm && params.dropout);
    assert_true(params.seed == UINT64_MAX);
    px_fields_clear(&fields);
    add(&fields, "format", "jpeg", &err);
    assert_int_equal(px_fields_read(&fields, &params, &err), 0);
    assert_int_equal(params.format, PX_FORMAT_JPEG);
    px_fields_clear(&fields);
}

static void test_twice(void **state)
{
    struct px_fields fields = {0};
    struct px_error err = {0};
    char longest[257];

    (void)state;
    assert_int_equal(add(&fields, "fit", "image", &err), 0);
    assert_int_equal(add(&fields, "fit", "image", &err), 0);
    assert_int_equal(add(&fields, "fit", "scale", &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "fit"));
    assert_int_equal(add(&fields, "colour", "red", &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "colour"));
    memset(longest, 'm', 256);
    longest[256] = '\0';
    assert_int_equal(add(&fields, "model", longest, &err), -PX_E_INVALID);
    px_fields_clear(&fields);
}

static void test_urls(void **state)
{
    static const char json[] = "{\"image\":\"https://a.example/b.png\"}";
    static const char form[] = FIELD("image", "HTTP://a.example/b.png") "--XX--";
    struct px_fields fields = {0};
    struct px_error err = {0};
    size_t size;

    (void)state;
    assert_int_equal(read_body(json, strlen(json), PX_BODY_JSON, &fields, &size, &err),
                     -PX_E_INVALID);
    assert_non_null(strstr(err.message, "URLs are not fetched"));
    assert_int_equal(read_body(form, strlen(form), PX_BODY_MULTIPART, &fields, &size, &err),
                     -PX_E_INVALID);
    assert_non_null(strstr(err.message, "URLs are not fetched"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a raw body is taken when its bytes are what the header says", test_raw),
        CHECK("JSON bodies are read or refused as the table says", test_json),
        CHECK("JSON nested a million deep is refused", test_deep_json),
        CHECK("JSON that would take much memory is refused before it is parsed", test_json_memory),
        CHECK("a form's picture is the file in field image, else the first", test_forms),
        CHECK("a URL in place of a picture is refused with the reason", test_urls),
        CHECK("field values are taken or refused as the table says", test_fields),
        CHECK("fields mean what they say", test_meaning),
        CHECK("fields that are not given have defaults", test_defaults),
        CHECK("a field given twice must agree, an unknown one is named", test_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
