#include "tests/check.h"

#include <string.h>

#include "server/message/content_type.h"

static const struct {
    const char *header;
    int kind; /* -1: 415, -2: 400 */
    const char *boundary;
} types[] = {
    {"image/png", PX_BODY_PNG, ""},
    {"IMAGE/JPEG", PX_BODY_JPEG, ""},
    {" application/octet-stream ; x=y", PX_BODY_BYTES, ""},
    {"image/jpg", PX_BODY_JPEG, ""},
    {"Image/PJPEG", PX_BODY_JPEG, ""},
    {"image/x-png", PX_BODY_PNG, ""},
    {"application/json; charset=utf-8", PX_BODY_JSON, ""},
    {"multipart/form-data; boundary=XX", PX_BODY_MULTIPART, "XX"},
    {"multipart/form-data; charset=utf-8; BOUNDARY=\"a b\"", PX_BODY_MULTIPART, "a b"},
    {"multipart/form-data; boundary=XX; charset=utf-8", PX_BODY_MULTIPART, "XX"},
    {"multipart/form-data; boundary====1444057544756===", PX_BODY_MULTIPART, "===1444057544756==="},
    {"multipart/form-data; boundary=\"===1444057544756===\"", PX_BODY_MULTIPART,
     "===1444057544756==="},
    {"multipart/form-data; boundary=a/b:c?(d),e@{f} ; charset=utf-8", PX_BODY_MULTIPART,
     "a/b:c?(d),e@{f}"},
    {"multipart/form-data; boundary=a b \t", PX_BODY_MULTIPART, "a b"},
    {"multipart/form-data; boundary=a\"b", PX_BODY_MULTIPART, "a\"b"},
    {NULL, -1, NULL},
    {"", -1, NULL},
    {"image/pngx", -1, NULL},
    {"application/x-www-form-urlencoded", -1, NULL},
    {"multipart/mixed; boundary=XX", -1, NULL},
    {"multipart/form-data", -2, NULL},
    {"multipart/form-data; boundary=", -2, NULL},
    {"multipart/form-data; boundary=\"a ", -2, NULL},
    {"multipart/form-data; boundary=\"a \"", -2, NULL},
    {"multipart/form-data; boundary=a; boundary=b", -2, NULL},
    {"multipart/form-data; boundary=\"a; charset=utf-8", -2, NULL},
    {"multipart/form-data; boundary=a\tb", -2, NULL},
    {"multipart/form-data; boundary=\xc3\xa9", -2, NULL},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("Content-Type is read or refused as the table says", test_content_type),
        CHECK("a refused Content-Type names the header to send", test_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
