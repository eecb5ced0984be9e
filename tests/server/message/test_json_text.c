#include "tests/check.h"

#include "server/message/json_text.h"

static const struct {
    const char *string, *json;
} rows[] = {
    {"", "\"\""},
    {"house", "\"house\""},
    {"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
    {"line\nend\x1b[2J\x7f", "\"line\\u000aend\\u001b[2J\\u007f\""},
    {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xa0", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xa0\""},
    {"a\xff\xc3", "\"a??\""},
    {"\xed\xa0\x80", "\"???\""},
};

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct px_buffer text = {0};
        px_json_append_string(&text, rows[i].string);
        assert_string_equal(px_buffer_text(&text), rows[i].json);
        px_buffer_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("strings become JSON that is valid whatever their bytes are", test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
