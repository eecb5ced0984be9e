#include "tests/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"

static int saved = -1;
static int ends[2];

/* Standard error becomes a pipe that nobody reads until read_log(). */
static void catch_log(void)
{
    assert_int_equal(pipe(ends), 0);
    saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
}

/* What is in the pipe so far: at most `size` - 1 bytes, the number read. */
static size_t read_log(char *text, size_t size)
{
    size_t n = 0;
    ssize_t got = 0;

    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    while (n < size - 1 && (got = read(ends[0], text + n, size - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = 0;
    return n;
}

static void release_log(void)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
}

static void expect_printable(const char *text, const char *printed)
{
    char copy[64];

    snprintf(copy, sizeof copy, "%s", text);
    px_utf8_make_printable(copy);
    assert_string_equal(copy, printed);
    assert_int_equal(px_utf8_is_printable(text), strcmp(text, printed) == 0);
    assert_true(px_utf8_is_printable(copy));
}

static void test_printable(void **state)
{
    (void)state;
    expect_printable("na\xc3\xafve \xf0\x9f\x8e\xa8 \xc2\xa0",
                     "na\xc3\xafve \xf0\x9f\x8e\xa8 \xc2\xa0");
    expect_printable("a\nb\x1b[31m\x7f", "a?b?[31m?");
    expect_printable("\xc2\x9b"
                     "31m",
                     "?31m"); /* CSI as UTF-8 */
    expect_printable("\x9b"
                     "31m",
                     "?31m"); /* CSI as a single byte */
    expect_printable("a\xe2\x80\xa8"
                     "b\xe2\x80\xa9",
                     "a?b?");
    expect_printable("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80", "?? ??? ????");
    expect_printable("cut \xe2\x80", "cut ??");
}

static void test_forged(void **state)
{
    char text[4096];
    (void)state;

    catch_log();
    px_log_info("GET /%s", "\xc2\x9b"
                           "31mx\x7f\n2026-11-22T10:00:00Z error forged\x85");
    size_t n = read_log(text, sizeof text);
    release_log();
    assert_string_equal(strstr(text, " info "), " info GET /?31mx??2026-11-22T10:00:00Z error "
                                                "forged?\n");
    assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

static void test_long_line(void **state)
{
    char text[8192], word[3000];
    (void)state;

    memset(word, 'w', sizeof word);
    word[sizeof word - 1] = 0;
    catch_log();
    px_log_warning("%s", word);
    size_t n = read_log(text, sizeof text);
    release_log();
    assert_in_range(n, 1000, 1200);
    assert_int_equal(text[n - 1], '\n');
}

/* alarm() ends the program if a line waits for the reader that there is not. */
static void test_stalled(void **state)
{
    static char text[1 << 20];
    uint64_t before = px_log_lost();
    unsigned lines = 0, lost = 0;
    (void)state;

    alarm(20);
    catch_log();
    for (int i = 0; i < 5000; i++)
        px_log_info("line %d of a log without a reader, long enough to fill its pipe soon", i);
    read_log(text, sizeof text);
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines + px_log_lost() - before, 5000);
    assert_true(px_log_lost() > before && text[strlen(text) - 1] == '\n');
    px_log_info("back again");
    read_log(text, sizeof text);
    release_log();
    alarm(0);
    assert_int_equal(sscanf(strstr(text, " warning "), " warning %u lines of this log", &lost), 1);
    assert_int_equal(lost, px_log_lost() - before);
    assert_non_null(strstr(text, " info back again\n"));
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 2000; i++)
        px_log_info("thread %d writes line %d and more that takes room in the pipe", *(int *)arg,
                    i);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    int names[4] = {0, 1, 2, 3};
    uint64_t before = px_log_lost();
    static char text[1 << 20];
    unsigned lines = 0;
    (void)state;

    alarm(60);
    catch_log();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    read_log(text, sizeof text);
    release_log();
    alarm(0);
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines + px_log_lost() - before, 8000);
}

static void test_level(void **state)
{
    char text[4096];
    (void)state;

    catch_log();
    px_log_debug("hidden");
    px_log_set_level(PX_LOG_ERROR);
    px_log_info("hidden");
    px_log_error("shown");
    px_log_set_level(PX_LOG_INFO);
    read_log(text, sizeof text);
    release_log();
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, " error shown\n"));
}

/* Escaped, the long text alone would take more than a line. */
static void test_json(void **state)
{
    static char text[8192], quotes[1100], many[1100];
    const struct px_log_field fields[] = {{.name = "quotes", .text = quotes},
                                          {.name = "many", .text = many},
                                          {.name = "ms", .number = 1.25, .decimals = 2}};
    (void)state;

    memset(quotes, '"', sizeof quotes - 1);
    memset(many, '\\', sizeof many - 1);
    catch_log();
    px_log_set_format(PX_LOG_JSON);
    px_log_fields(PX_LOG_INFO, "a\"b\\c\n", fields, 3);
    px_log_set_format(PX_LOG_TEXT);
    size_t n = read_log(text, sizeof text);
    release_log();
    assert_in_range(n, 2200, 4000);
    assert_non_null(
        strstr(text, "Z\",\"level\":\"info\",\"message\":\"a\\\"b\\\\c?\",\"quotes\":\"\\\""));
    assert_null(strstr(text, "many"));
    assert_string_equal(text + n - strlen("\\\"\",\"ms\":1.25}\n"), "\\\"\",\"ms\":1.25}\n");
}

static void test_errors(void **state)
{
    struct px_error err = {0};
    (void)state;

    px_fail(&err, PX_E_IO, "%s: cannot open",
            "a\xc2\x9b"
            "b\x80.png");
    assert_string_equal(err.message, "a?b?.png: cannot open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("text is printable if it is UTF-8 without controls", test_printable),
        CHECK("text from outside neither forges a line nor steers a terminal", test_forged),
        CHECK("neither can it in an error message", test_errors),
        CHECK("a long line is cut and stays one line", test_long_line),
        CHECK("a line of JSON is whole: fields that do not fit are left out", test_json),
        CHECK("a reader that stalls loses lines, counted, and holds nobody up", test_stalled),
        CHECK("nor does it hold up several threads", test_threads),
        CHECK("only lines of the level and above are written", test_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
