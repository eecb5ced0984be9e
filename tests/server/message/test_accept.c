#include "tests/check.h"

#include "server/message/accept.h"

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
    {"application/json, text/plain, */*", 'j', 'j'}, /* axios */
    {"application/json, text/plain, */*", 'p', 'p'},
    {"application/json, image/png", 'j', 'J'},
    {"application/json, image/png;q=0, image/*", 'p', 'P'},
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
        CHECK("Accept chooses PNG, JPEG or JSON as the table says", test_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
