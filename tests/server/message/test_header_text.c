#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "server/message/header_text.h"

/* `parameters` is "name=value" for each, joined by '|'; NULL: refused. */
static const struct {
    const char *text, *parameters;
} rows[] = {
    {"", ""},
    {" ; ;", ""},
    {"; a=b", "a=b"},
    {"; a=b ; C=d\t", "a=b|C=d"},
    {"; a====b==; c=d", "a====b==|c=d"},
    {"; a=b c", "a=b c"},
    {"; a=\"\"; b=c", "a=|b=c"},
    {"; a=\"b;c=d\"; e=f", "a=b;c=d|e=f"},
    {"; a=\"b\\\"c\"", "a=b\"c"},
    {"; a=\"b\\\\c\"", "a=b\\c"},
    {"; a=\"b\"c\"; d=e", "a=b\"c|d=e"},
    {"; a=\"b\"; c.png\"", "a=b\"; c.png"},
    {"; a=\"b\\\"; c.png\"; d=e", "a=b\"; c.png|d=e"},
    {"; a=\"C:\\x\\\"; b=c", "a=C:\\x\\|b=c"},
    {"; a=\"C:\\x\\\"", "a=C:\\x\\"},
    {"; a*=UTF-8''%e2%82%ac", "a*=UTF-8''%e2%82%ac"},
    {"; a", NULL},
    {"; a=", NULL},
    {"; a= ;b=c", NULL},
    {"; =b", NULL},
    {"; a =b", NULL},
    {"; a=\"b", NULL},
    {"; a=\"b\" c=d", NULL},
};

static int show(const char *text, char *out, size_t size)
{
    struct px_header_parameter parameter;
    struct px_error err = {0};
    char value[100];
    size_t n = 0;
    int rc;

    out[0] = '\0';
    while ((rc = px_header_parameter_next(&text, &parameter, &err)) > 0) {
        assert_true(px_header_parameter_copy(&parameter, value, sizeof value));
        n += (size_t)snprintf(out + n, size - n, "%s%.*s=%s", n ? "|" : "",
                              (int)parameter.name.size, (const char *)parameter.name.data, value);
    }
    return rc;
}

static void test_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[200];
        int rc = show(rows[i].text, out, sizeof out);
        if (rc != (rows[i].parameters ? 0 : -PX_E_INVALID))
            fail_msg("'%s' gives %d", rows[i].text, rc);
        if (rc == 0)
            assert_string_equal(out, rows[i].parameters);
    }
}

static void test_cut(void **state)
{
    const char *text = "; name=\"0123456789\"";
    struct px_header_parameter parameter;
    char value[5];

    (void)state;
    assert_int_equal(px_header_parameter_next(&text, &parameter, NULL), 1);
    assert_true(px_header_parameter_is(&parameter, "NAME"));
    assert_false(px_header_parameter_is(&parameter, "names"));
    assert_false(px_header_parameter_copy(&parameter, value, sizeof value));
    assert_string_equal(value, "0123");
}

static void test_tokens(void **state)
{
    (void)state;
    assert_int_equal(px_header_token_length("Content-Length: 3"), 14);
    assert_int_equal(px_header_token_length("!#$%&'*+-.^_`|~9z"), 17);
    assert_int_equal(px_header_token_length("(a)"), 0);
    assert_int_equal(px_header_token_length(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("parameters come apart or are refused as the table says", test_parameters),
        CHECK("a value that does not fit is cut, and the caller hears of it", test_cut),
        CHECK("tokens end at the first other character", test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
