#include "tests/check.h"

#include <string.h>

#include "server/message/media.h"

static const struct {
    const char *header;
    int kind; /* -1: 415, -2: 400 */
    const char *boundary;
} types[] = {
    {"image/png", PX_BODY_PNG, ""},
    {"IMAGE/JPEG", PX_BODY_JPEG, ""},
    {" application/octet-stream ; x=y", PX_BODY_BYTES, ""},
    {"application/json; charset=utf-8", PX_BODY_JSON, ""},
    {"multipart/form-data; boundary=XX", PX_BODY_MULTIPART, "XX"},
    {"multipart/form-data; charset=utf-8; BOUNDARY=\"a b\"", PX_BODY_MULTIPART, "a b"},
    {"multipart/form-data; boundary=XX; charset=utf-8", PX_BODY_MULTIPART, "XX"},
    {NULL, -1, NULL},
    {"", -1, NULL},
    {"image/jpg", -1, NULL},
    {"image/pngx", -1, NULL},
    {"application/x-www-form-urlencoded", -1, NULL},
    {"multipart/mixed; boundary=XX", -1, NULL},
    {"multipart/form-data", -2, NULL},
    {"multipart/form-data; boundary=", -2, NULL},
    {"multipart/form-data; boundary=\"a ", -2, NULL},
    {"multipart/form-data; boundary=\"a \"", -2, NULL},
    {"multipart/form-data; boundary=a; boundary=b", -2, NULL},
    {"multipart/form-data; boundary=a b", -2, NULL},
    {"multipart/form-data; boundary="
     "01234567890123456789012345678901234567890123456789012345678901234567890",
     -2, NULL},
};

static void test_content_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct px_content_type type;
        struct px_error err = {0};
        int rc = px_content_type_parse(types[i].header, &type, &err);
        int expected = types[i].kind == -1   ? -PX_E_UNSUPPORTED
                       : types[i].kind == -2 ? -PX_E_INVALID
                                             : 0;
        if (rc != expected)
            fail_msg("'%s' gives %d: %s", types[i].header, rc, err.message);
        if (rc < 0)
            continue;
        assert_int_equal(type.kind, types[i].kind);
        assert_string_equal(type.boundary, types[i].boundary);
    }
}

static void test_remedy(void **state)
{
    struct px_content_type type;
    struct px_error err = {0};

    (void)state;
    px_content_type_parse("application/x-www-form-urlencoded", &type, &err);
    assert_non_null(strstr(err.message, "send 'Content-Type: image/png'"));
}

/* p PNG, j JPEG; capitals: wrapped in JSON. `format` is 0, 'p' or 'j'. */
static const struct {
    const char *header;
    char format, answer;
} accepts[] = {
    {NULL, 0, 'p'},
    {"", 0, 'p'},
    {"*/*", 0, 'p'},
    {"image/*", 0, 'p'},
    {"image/png", 0, 'p'},
    {"image/jpeg", 0, 'j'},
    {"IMAGE/JPEG", 0, 'j'},
    {"image/jpeg, image/png", 0, 'p'},
    {"image/png;q=0.5, image/jpeg;q=0.8", 0, 'j'},
    {"image/png;q=0.5, */*", 0, 'j'},
    {"image/png;q=0, image/*", 0, 'j'},
    {"image/*;q=0.5, image/jpeg;q=0.4", 0, 'p'},
    {"text/html", 0, 'p'},
    {"text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8", 0, 'p'},
    {"application/json", 0, 'P'},
    {"application/json, image/jpeg;q=0.5", 0, 'J'},
    {"application/json;q=0.4, image/jpeg;q=0.5", 0, 'j'},
    {"application/json, text/plain, */*", 0, 'P'},
    {"application/*", 0, 'P'},
    {"application/json;q=0", 0, 'p'},
    {"application/json;q=0, image/png;q=0", 0, 'p'},
    {"*/*", 'j', 'j'},
    {"image/png", 'j', 'j'},
    {"application/json", 'j', 'J'},
    {"application/json", 'p', 'P'},
    {"application/json; q=1.000 , image/png ;q=0.999", 0, 'P'},
    {"application/json;q=bad", 0, 'P'},
    {",,;;q=,/,", 0, 'p'},
};

static void test_accept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        enum px_format format = accepts[i].format == 'p'   ? PX_FORMAT_PNG
                                : accepts[i].format == 'j' ? PX_FORMAT_JPEG
                                                           : PX_FORMAT_NONE;
        struct px_accepted accepted = px_accept(accepts[i].header, format);
        char answer = accepted.format == PX_FORMAT_PNG ? 'p' : 'j';
        if (accepted.json)
            answer = (char)(answer - 'a' + 'A');
        if (answer != accepts[i].answer)
            fail_msg("Accept: %s gives %c", accepts[i].header, answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("Content-Type is read or refused as the table says", test_content_type),
        CHECK("a refused Content-Type names the header to send", test_remedy),
        CHECK("Accept chooses PNG, JPEG or JSON as the table says", test_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
