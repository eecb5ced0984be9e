#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/message/multipart.h"

#define HEAD(name) "Content-Disposition: form-data; name=" name "\r\n\r\n"
#define FILE_HEAD "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"

/* `parts` is what comes out, "name=data" or "name@data" for files, separated by '|'; NULL: the body
 * is refused. The boundary is XX. */
static const struct {
    const char *what, *body, *parts;
} rows[] = {
    {"one field", "--XX\r\n" HEAD("\"a\"") "1\r\n--XX--\r\n", "a=1"},
    {"a file", "--XX\r\n" FILE_HEAD "bytes\r\n--XX--", "image@bytes"},
    {"two parts", "--XX\r\n" HEAD("a") "1\r\n--XX\r\n" HEAD("b") "2\r\n--XX--", "a=1|b=2"},
    {"an empty part", "--XX\r\n" HEAD("a") "\r\n--XX--", "a="},
    {"an empty part without its own line end", "--XX\r\n" HEAD("a") "--XX--", "a="},
    {"no parts", "--XX--", ""},
    {"text before and behind", "hello\r\n--XX\r\n" HEAD("a") "1\r\n--XX--\r\nbye", "a=1"},
    {"space behind the delimiter", "--XX \t\r\n" HEAD("a") "1\r\n--XX--", "a=1"},
    {"a line that begins like the delimiter", "--XX\r\n" HEAD("a") "1\r\n--XXY\r\n--X\r\n--XX--",
     "a=1\r\n--XXY\r\n--X"},
    {"half a line end behind the delimiter",
     "--XX\r\n" HEAD("a") "1\r\n--XX\rY\r\n--XXY\n\r\n--XX--", "a=1\r\n--XX\rY\r\n--XXY\n"},
    {"line ends at the end of data", "--XX\r\n" HEAD("a") "1\r\n\r\n\r\n--XX--", "a=1\r\n\r\n"},
    {"a quoted quote in the file name",
     "--XX\r\nContent-Disposition: form-data; name=\"f\"; "
     "filename=\"a\\\"b.png\"\r\n\r\n1\r\n--XX--",
     "f@1"},
    {"an extended file name",
     "--XX\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''a.png\r\n\r\n1\r\n--XX--",
     "f@1"},
    {"a path with backslashes as the file name",
     "--XX\r\nContent-Disposition: form-data; filename=\"C:\\dir\\\"; "
     "name=\"f\"\r\n\r\n1\r\n--XX--",
     "f@1"},
    {"bare quotes in the file name",
     "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a \"b\" "
     "c\"\r\n\r\n1\r\n--XX--",
     "f@1"},
    {"both file names",
     "--XX\r\nContent-Disposition: form-data; name=f; filename=\"?.png\"; "
     "filename*=UTF-8''%e2%82%ac.png\r\n\r\n1\r\n--XX--",
     "f@1"},
    {"an empty file name",
     "--XX\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n\r\n1\r\n--XX--", "f@1"},
    {"a name of 64 bytes, cut",
     "--XX\r\n" HEAD(
         "0123456789012345678901234567890123456789012345678901234567890123") "1\r\n--XX--",
     "012345678901234567890123456789012345678901234567890123456789012=1"},
    {"names of headers in any case",
     "--XX\r\ncontent-disposition:FORM-DATA; NAME=f\r\nContent-Type: x/y\r\n\r\n1\r\n--XX--",
     "f=1"},
    {"binary transfer encoding",
     "--XX\r\nContent-Transfer-Encoding: binary\r\n" HEAD("f") "1\r\n--XX--", "f=1"},
    {"nothing", "", NULL},
    {"another boundary", "--YY\r\n" HEAD("a") "1\r\n--YY--", NULL},
    {"no closing delimiter", "--XX\r\n" HEAD("a") "1\r\n", NULL},
    {"cut inside the delimiter", "--XX\r\n" HEAD("a") "1\r\n--XX", NULL},
    {"cut inside the header", "--XX\r\nContent-Disposition: form-data; na", NULL},
    {"no Content-Disposition", "--XX\r\nContent-Type: a/b\r\n\r\n1\r\n--XX--", NULL},
    {"two Content-Dispositions",
     "--XX\r\nContent-Disposition: form-data; name=a\r\n" HEAD("b") "1\r\n--XX--", NULL},
    {"no name", "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--", NULL},
    {"two names", "--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--XX--",
     NULL},
    {"an attachment", "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--", NULL},
    {"a folded header", "--XX\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--XX--",
     NULL},
    {"space before the colon", "--XX\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--XX--",
     NULL},
    {"base64 transfer encoding",
     "--XX\r\nContent-Transfer-Encoding: base64\r\n" HEAD("f") "1\r\n--XX--", NULL},
    {"an unterminated quote", "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--",
     NULL},
};

static void show(const struct px_form_parts *parts, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < parts->count; i++) {
        const struct px_form_part *part = &parts->at[i];
        n += (size_t)snprintf(text + n, size - n, "%s%s%c%.*s", i ? "|" : "", part->name,
                              part->is_file ? '@' : '=', (int)part->size, (const char *)part->data);
    }
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct px_form_parts parts;
        struct px_error err = {0};
        char text[256];
        size_t size = strlen(rows[i].body);
        uint8_t *exact = malloc(size + !size); /* so that ASan sees a read behind the end */
        memcpy(exact, rows[i].body, size);
        int rc = px_multipart_parse(exact, size, "XX", &parts, &err);
        if (rc == 0)
            show(&parts, text, sizeof text);
        if ((rc == 0) != (rows[i].parts != NULL) || (rc == 0 && strcmp(text, rows[i].parts) != 0))
            fail_msg("%s: %s", rows[i].what, rc == 0 ? text : err.message);
        if (rc < 0) {
            assert_int_equal(rc, -PX_E_INVALID);
            assert_true(strlen(err.message) > 10);
        }
        free(exact);
    }
}

static void test_every_cut(void **state)
{
    static const char body[] = "--XX\r\n" HEAD("a") "1\r\n--XX\r\n" FILE_HEAD "pixels\r\n--XX--";
    struct px_form_parts parts;

    (void)state;
    for (size_t size = 0; size < sizeof body - 1; size++) {
        uint8_t *exact = malloc(size + !size);
        memcpy(exact, body, size);
        assert_int_equal(px_multipart_parse(exact, size, "XX", &parts, NULL), -PX_E_INVALID);
        free(exact);
    }
}

static void test_too_many(void **state)
{
    static const char part[] = "--XX\r\n" HEAD("a") "1\r\n";
    char body[2000] = "";
    struct px_form_parts parts;

    (void)state;
    for (int i = 0; i < PX_FORM_MAX_PARTS; i++)
        strcat(body, part);
    strcat(body, "--XX--");
    assert_int_equal(px_multipart_parse((uint8_t *)body, strlen(body), "XX", &parts, NULL), 0);
    assert_int_equal(parts.count, PX_FORM_MAX_PARTS);
    body[strlen(body) - 6] = '\0';
    strcat(strcat(body, part), "--XX--");
    assert_int_equal(px_multipart_parse((uint8_t *)body, strlen(body), "XX", &parts, NULL),
                     -PX_E_INVALID);
}

/* A file with a name of `n` bytes. */
static int parse_named(size_t n, struct px_form_parts *parts)
{
    static const char before[] =
        "--XX\r\nContent-Disposition: form-data; name=\"image\"; filename=\"";
    static const char behind[] = "\"\r\nContent-Type: image/png\r\n\r\n1\r\n--XX--";
    size_t size = strlen(before) + n + strlen(behind);
    char *body = malloc(size + 1);

    strcpy(body, before);
    memset(body + strlen(before), 0xe4, n);
    strcpy(body + strlen(before) + n, behind);
    int rc = px_multipart_parse((uint8_t *)body, size, "XX", parts, NULL);
    free(body);
    return rc;
}

static void test_long_names(void **state)
{
    struct px_form_parts parts;

    (void)state;
    for (size_t n = 1; n <= 8192; n = 2 * n + 1) {
        assert_int_equal(parse_named(n, &parts), 0);
        assert_int_equal(parts.count, 1);
        assert_true(parts.at[0].is_file);
        assert_string_equal(parts.at[0].name, "image");
    }
    assert_int_equal(parse_named(8192, &parts), 0);
    assert_int_equal(parse_named(PX_MAX_PART_HEADER, &parts), -PX_E_INVALID);
}

static void test_not_chosen(void **state)
{
    static const char body[] =
        "--XX\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n"
        "\r\n--XX\r\nContent-Disposition: form-data; name=b; filename=\"\""
        "\r\n\r\n1\r\n--XX--";
    struct px_form_parts parts;

    (void)state;
    assert_int_equal(px_multipart_parse((const uint8_t *)body, strlen(body), "XX", &parts, NULL),
                     0);
    assert_true(parts.at[0].not_chosen);
    assert_false(parts.at[1].not_chosen);
}

static void test_long_header(void **state)
{
    char *body = malloc(20000);
    struct px_form_parts parts;

    (void)state;
    strcpy(body, "--XX\r\n");
    for (int i = 0; i < 200; i++)
        strcat(body, "X-Filler: 0123456789012345678901234567890123456789\r\n");
    strcat(body, HEAD("a") "1\r\n--XX--");
    assert_int_equal(px_multipart_parse((uint8_t *)body, strlen(body), "XX", &parts, NULL),
                     -PX_E_INVALID);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("multipart bodies come apart or are refused as the table says", test_table),
        CHECK("a multipart body cut short anywhere is refused", test_every_cut),
        CHECK("sixteen parts are taken, seventeen refused", test_too_many),
        CHECK("a file name may have 8 KiB, of any bytes", test_long_names),
        CHECK("a file input that was left empty is recognised", test_not_chosen),
        CHECK("a part header over 9 KiB is refused", test_long_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
