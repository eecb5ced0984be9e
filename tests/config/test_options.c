#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/options.h"

enum norm { NORM_BATCH, NORM_RUNNING };

struct settings {
    bool verbose, no_flip;
    int64_t queue, offset;
    uint64_t body, seed;
    double rate;
    const char *models, *config;
    int norm;
    bool check;
};

#define AT(field) offsetof(struct settings, field)

static const struct px_option rows[] = {
    {.name = "config",
     .type = PX_OPTION_STRING,
     .offset = AT(config),
     .action = true,
     .value = "FILE",
     .help = "read settings from a JSON file",
     .heading = "Configuration"},
    {.name = "check-config", .type = PX_OPTION_FLAG, .offset = AT(check), .action = true},
    {.name = "verbose", .type = PX_OPTION_FLAG, .offset = AT(verbose), .short_name = 'v'},
    {.name = "no-flip", .type = PX_OPTION_FLAG, .offset = AT(no_flip)},
    {.name = "queue-size",
     .type = PX_OPTION_INT,
     .offset = AT(queue),
     .fallback = "256",
     .min = 1,
     .max = 65536,
     .help = "requests that may wait; one more is answered with 503 and a Retry-After header so "
             "that clients come back later, which this sentence says at some length",
     .heading = "Limits"},
    {.name = "offset", .type = PX_OPTION_INT, .offset = AT(offset), .zero = "none"},
    {.name = "max-body",
     .type = PX_OPTION_BYTES,
     .offset = AT(body),
     .fallback = "20MiB",
     .min = 1024,
     .max = 0x1p40,
     .short_name = 'b'},
    {.name = "seed", .type = PX_OPTION_SEED, .offset = AT(seed)},
    {.name = "rate",
     .type = PX_OPTION_NUMBER,
     .offset = AT(rate),
     .fallback = "0.0002",
     .min = 0,
     .max = 1},
    {.name = "models", .type = PX_OPTION_STRING, .offset = AT(models), .short_name = 'm'},
    {.name = "norm", .type = PX_OPTION_CHOICE, .offset = AT(norm), .choices = "batch|running"},
};

static const struct px_option_foreign foreign[] = {
    {"line-length", "use --queue-size N"}, {"cuda|zz_top", "leave it out"}, {NULL, NULL}};

static const struct px_option_table table = {
    .program = "demo",
    .usage = "[OPTIONS] IN...",
    .description = "A demonstration.",
    .environment = "PXDEMO_",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .foreign = foreign,
    .max_arguments = 3,
};

static char folder[] = "/tmp/px-options-XXXXXX";
static char config_path[64];

static struct settings settings;
static struct px_options options;
static struct px_error err;

/* The name of the program, then these arguments. */
#define PARSE(...) parse((const char *[]){"demo", __VA_ARGS__, NULL})

static int parse(const char *const *argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    px_options_free(&options);
    memset(&err, 0, sizeof err);
    return px_options_parse(&table, &settings, "config", argc, (char *const *)argv, &options, &err);
}

static void write_config(const char *text)
{
    assert_int_equal(px_file_save(config_path, text, strlen(text), NULL), 0);
}

static void test_defaults(void **state)
{
    (void)state;
    memset(&settings, 0x55, sizeof settings);
    assert_int_equal(PARSE("in.png"), 0);
    assert_false(settings.verbose);
    assert_true(settings.queue == 256 && settings.offset == 0);
    assert_true(settings.body == 20 << 20 && settings.seed == 0);
    assert_true(settings.rate == 0.0002);
    assert_null(settings.models);
    assert_int_equal(settings.norm, NORM_BATCH);
}

static void test_command_line(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a", "--queue_size", "7", "--no-flip", "b", "--norm=running", "-v", "-m",
                           "dir", "-b64KiB", "--offset", "-3", "--rate=1e-3", "--", "--c"),
                     0);
    assert_true(settings.queue == 7 && settings.offset == -3);
    assert_true(settings.no_flip && settings.verbose);
    assert_int_equal(settings.norm, NORM_RUNNING);
    assert_string_equal(settings.models, "dir");
    assert_true(settings.body == 65536);
    assert_true(settings.rate == 1e-3);
    assert_int_equal(options.argument_count, 3);
    assert_string_equal(options.arguments[0], "a");
    assert_string_equal(options.arguments[1], "b");
    assert_string_equal(options.arguments[2], "--c");
    assert_int_equal(PARSE("--offset", "none"), 0);
    assert_int_equal(settings.offset, 0);
}

static void test_last_counts(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--queue-size", "7", "--verbose", "--queue-size=9", "--verbose=false"),
                     0);
    assert_true(settings.queue == 9 && !settings.verbose);
}

static void test_extremes(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--seed=18446744073709551615", "--offset=-9223372036854775808",
                           "--max-body=1024GiB", "--models="),
                     0);
    assert_true(settings.seed == UINT64_MAX && settings.offset == INT64_MIN);
    assert_true(settings.body == (uint64_t)1 << 40);
    assert_string_equal(settings.models, "");
}

static void test_precedence(void **state)
{
    (void)state;
    write_config("{\"queue-size\": 1, \"max_body\": 2048, \"rate\": 1, \"seed\": 1}");
    setenv("PXDEMO_CONFIG", config_path, 1);
    setenv("PXDEMO_MAX_BODY", "3K", 1);
    setenv("PXDEMO_RATE", "0.5", 1);
    assert_int_equal(PARSE("--rate=0.25"), 0);
    assert_true(settings.queue == 1);   /* file */
    assert_true(settings.body == 3072); /* environment */
    assert_true(settings.rate == 0.25); /* command line */
    assert_int_equal(PARSE("--config=/nonexistent/x.json"), -PX_E_NOT_FOUND);
    unsetenv("PXDEMO_CONFIG");
    unsetenv("PXDEMO_MAX_BODY");
    unsetenv("PXDEMO_RATE");
}

static void test_file_types(void **state)
{
    (void)state;
    write_config("{\"verbose\": true, \"offset\": -9223372036854775808, \"rate\": 0.125,"
                 " \"max-body\": \"1MiB\", \"seed\": \"18446744073709551615\","
                 " \"models\": \"m\\u00f6dels\", \"norm\": \"running\", \"queue-size\": null}");
    assert_int_equal(PARSE("--config", config_path), 0);
    assert_true(settings.verbose && settings.offset == INT64_MIN && settings.rate == 0.125);
    assert_true(settings.body == 1 << 20 && settings.seed == UINT64_MAX && settings.queue == 256);
    assert_string_equal(settings.models, "m\xc3\xb6"
                                         "dels");
    assert_int_equal(settings.norm, NORM_RUNNING);
}

static void test_bad_command_lines(void **state)
{
    static const struct {
        const char *argument;
        const char *message;
    } cases[] = {
        {"--queue-sise=1", "unknown option '--queue-sise'; did you mean '--queue-size'?"},
        {"--modles", "unknown option '--modles'; did you mean '--models'?"},
        {"--line_length=1", "--line_length: use --queue-size N"},
        {"--cuda", "--cuda: leave it out"},
        {"--zz-top", "--zz-top: leave it out"},
        {"--zz-to", "unknown option '--zz-to' ('demo --help' lists them)"},
        {"--cud", "unknown option '--cud' ('demo --help' lists them)"},
        {"--zzz", "unknown option '--zzz' ('demo --help' lists them)"},
        {"-z", "unknown option '-z' ('demo --help' lists them)"},
        {"-vx", "unknown option '-vx' ('demo --help' lists them)"},
        {"--Norm=batch", "unknown option '--Norm'; did you mean '--norm'?"},
        {"--queue-size=0", "--queue-size: '0' is out of range, allowed: 1..65536 (command line)"},
        {"--queue-size=", "--queue-size: '' is not a whole number, allowed: 1..65536 "
                          "(command line)"},
        {"--queue-size= 1", "--queue-size: ' 1' is not a whole number, allowed: 1..65536 "
                            "(command line)"},
        {"--queue-size=1x", "--queue-size: '1x' is not a whole number, allowed: 1..65536 "
                            "(command line)"},
        {"--offset=9223372036854775808",
         "--offset: '9223372036854775808' is out of range (command line)"},
        {"--queue-size=99999999999999999999", "--queue-size: '99999999999999999999' is out of "
                                              "range, allowed: 1..65536 (command line)"},
        {"--max-body=20MB", "--max-body: '20MB' is not a size such as 65536, 64KiB, 20MiB or 1GiB, "
                            "allowed: at least 1KiB (command line)"},
        {"--max-body=1", "--max-body: '1' is out of range, allowed: at least 1KiB (command line)"},
        {"--max-body=18446744073709551615G",
         "--max-body: '18446744073709551615G' is not a size such as 65536, 64KiB, 20MiB or 1GiB, "
         "allowed: at least 1KiB (command line)"},
        {"--seed=-1",
         "--seed: '-1' is not a whole number from 0 to 18446744073709551615 (command line)"},
        {"--rate=nan", "--rate: 'nan' is not a number, allowed: 0..1 (command line)"},
        {"--rate=1.5", "--rate: '1.5' is out of range, allowed: 0..1 (command line)"},
        {"--norm=bat", "--norm: 'bat' is not known, allowed: batch|running (command line)"},
        {"--verbose=2", "--verbose: '2' is neither true nor false (command line)"},
        {"--models", "--models needs a value"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(PARSE(cases[i].argument), -PX_E_USAGE);
        assert_string_equal(err.message, cases[i].message);
        assert_null(options.memory);
    }
    assert_int_equal(PARSE("--models", "--verbose"), -PX_E_USAGE);
    assert_string_equal(err.message, "--models needs a value (one that looks like an option is "
                                     "written --name=--verbose)");
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *text;
        const char *message; /* after "PATH: " */
    } cases[] = {
        {"{\"queue-sizes\": 1}", "unknown key 'queue-sizes'; did you mean 'queue-size'?"},
        {"{\"queue-size\": \"1\"}", "queue-size: \"1\" is not a whole number"},
        {"{\"queue-size\": 1.0}", "queue-size: 1.0 is not a whole number"},
        {"{\"models\": [1]}", "models: [1] is not a string"},
        {"{\"verbose\": 1}", "verbose: 1 is not true or false"},
        {"{\"check-config\": true}", "'check-config' cannot be set in a file"},
        {"{\"config\": \"x\"}", "'config' cannot be set in a file"},
        {"{\"queue-size\": 1, \"queue_size\": 2}",
         "'queue-size' and 'queue_size' are the same option"},
        {"[]", "holds no JSON object {\"option\": value, ...}"},
    };
    char expected[256];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_config(cases[i].text);
        assert_int_equal(PARSE("--config", config_path), -PX_E_USAGE);
        snprintf(expected, sizeof expected, "%s: %s", config_path, cases[i].message);
        assert_string_equal(err.message, expected);
    }
    write_config("{\"queue_size\": 0}");
    assert_int_equal(PARSE("--config", config_path), -PX_E_USAGE);
    snprintf(expected, sizeof expected,
             "--queue-size: '0' is out of range, allowed: 1..65536 (%s: queue_size)", config_path);
    assert_string_equal(err.message, expected);
    write_config("{\"seed\": 1,\n \"seed\": 2}");
    assert_int_equal(PARSE("--config", config_path), -PX_E_USAGE);
    snprintf(expected, sizeof expected, "%s: line 2: duplicate object key", config_path);
    assert_memory_equal(err.message, expected, strlen(expected));
    write_config("{\"seed\": 1");
    assert_int_equal(PARSE("--config", config_path), -PX_E_USAGE);
    snprintf(expected, sizeof expected, "%s: line 1: ", config_path);
    assert_memory_equal(err.message, expected, strlen(expected));
}

static void expect_variable(const char *name, const char *value, const char *message)
{
    setenv(name, value, 1);
    int rc = PARSE("in.png");
    unsetenv(name);
    if (message) {
        assert_int_equal(rc, -PX_E_USAGE);
        assert_string_equal(err.message, message);
    } else
        assert_int_equal(rc, 0);
}

static void test_variables(void **state)
{
    (void)state;
    expect_variable("PXDEMO_QUEUE_SISE", "1",
                    "unknown environment variable PXDEMO_QUEUE_SISE; did you mean "
                    "PXDEMO_QUEUE_SIZE?");
    expect_variable("PXDEMO_ZZZ", "1", "unknown environment variable PXDEMO_ZZZ; unset it");
    expect_variable("PXDEMO_QUEUE_SIZE", "many",
                    "--queue-size: 'many' is not a whole number, allowed: 1..65536 "
                    "(PXDEMO_QUEUE_SIZE)");
    expect_variable("PXDEMO_CHECK_CONFIG", "1",
                    "PXDEMO_CHECK_CONFIG: --check-config can only be given on the command line");
    expect_variable("PXDEMO_NO_FLIP", "on", NULL);
    assert_true(settings.no_flip);
    expect_variable("PXDEMOX", "1", NULL); /* not our prefix */
}

static void test_service_links(void **state)
{
    (void)state;
    expect_variable("PXDEMO_SERVICE_HOST", "10.0.0.1", NULL);
    expect_variable("PXDEMO_SERVICE_PORT_HTTP", "80", NULL);
    expect_variable("PXDEMO_PORT", "tcp://10.0.0.1:80", NULL);
    expect_variable("PXDEMO_PORT_80_TCP_ADDR", "10.0.0.1", NULL);
    expect_variable("PXDEMO_PORT", "80", "unknown environment variable PXDEMO_PORT; unset it");
}

static void test_arguments(void **state)
{
    static const struct px_option_table two = {
        .program = "demo", .usage = "IN OUT", .min_arguments = 2, .max_arguments = 2};
    const char *const words[] = {"demo", "a", "b", "c"};
    char *const *argv = (char *const *)words;
    (void)state;

    px_options_free(&options);
    assert_int_equal(px_options_parse(&two, NULL, NULL, 2, argv, &options, &err), -PX_E_USAGE);
    assert_string_equal(err.message, "an argument is missing; usage: demo IN OUT");
    assert_int_equal(px_options_parse(&two, NULL, NULL, 4, argv, &options, &err), -PX_E_USAGE);
    assert_string_equal(err.message, "unexpected argument 'c'; usage: demo IN OUT");
    assert_int_equal(px_options_parse(&two, NULL, NULL, 3, argv, &options, &err), 0);
    assert_int_equal(options.argument_count, 2);
}

static void test_help_wins(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--zzz", "--help"), 0);
    assert_true(options.help);
    assert_int_equal(PARSE("-h"), 0);
    assert_true(options.help && !options.version);
    assert_int_equal(PARSE("--version"), 0);
    assert_true(options.version && !options.help);
    assert_int_equal(PARSE("--", "--help"), 0);
    assert_false(options.help);
}

static void test_round_trip(void **state)
{
    struct settings before;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    assert_int_equal(PARSE("--rate=0.1", "--seed=18446744073709551615", "--offset=-5", "--no-flip",
                           "--models=a \"quoted\" na\xc3\xafve\\path", "--norm=running",
                           "--max-body=1234567"),
                     0);
    before = settings;
    assert_int_equal(px_options_print(&table, &settings, out), 0);
    fclose(out);
    write_config(text);
    assert_non_null(strstr(text, "\"rate\": 0.1,"));
    assert_null(strstr(text, "config"));
    assert_int_equal(PARSE("--config", config_path), 0);
    assert_true(settings.rate == before.rate && settings.seed == before.seed);
    assert_true(settings.offset == before.offset && settings.body == before.body);
    assert_true(settings.no_flip && !settings.verbose && settings.queue == 256);
    assert_string_equal(settings.models, "a \"quoted\" na\xc3\xafve\\path");
    assert_int_equal(settings.norm, NORM_RUNNING);
    free(text);
}

static void test_round_trip_defaults(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    assert_int_equal(PARSE("in.png"), 0);
    assert_int_equal(px_options_print(&table, &settings, out), 0);
    fclose(out);
    write_config(text);
    assert_non_null(strstr(text, "\"max-body\": \"20MiB\""));
    free(text);
    assert_int_equal(PARSE("--config", config_path), 0);
    assert_null(settings.models);
}

static void test_print_not_utf8(void **state)
{
    FILE *out = fopen("/dev/null", "w");
    (void)state;

    assert_int_equal(PARSE("--models=\xff"), 0);
    assert_int_equal(px_options_print(&table, &settings, out), -PX_E_INVALID);
    fclose(out);
}

static void test_print_full_disk(void **state)
{
    FILE *out = fopen("/dev/full", "w");
    (void)state;

    assert_non_null(out);
    assert_int_equal(PARSE("x"), 0);
    assert_int_equal(px_options_print(&table, &settings, out), -PX_E_IO);
    fclose(out);
}

static void test_set(void **state)
{
    (void)state;
    assert_int_equal(PARSE("x"), 0);
    assert_int_equal(px_option_set(&table, &settings, "norm", "running", "query", &err), 0);
    assert_int_equal(settings.norm, NORM_RUNNING);
    assert_int_equal(px_option_set(&table, &settings, "norm", "x", "query", &err), -PX_E_INVALID);
    assert_string_equal(err.message, "norm: 'x' is not known, allowed: batch|running (query)");
    assert_int_equal(px_option_set(&table, &settings, "nrom", "x", "field", &err), -PX_E_INVALID);
    assert_string_equal(err.message, "unknown field 'nrom'; did you mean 'norm'?");
}

static void test_help_text(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    px_options_help(&table, out);
    fclose(out);
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 100);
    assert_null(strstr(text, " \n"));
    assert_memory_equal(text, "Usage: demo [OPTIONS] IN...\n\nA demonstration.\n\nConfiguration:\n",
                        56);
    assert_non_null(
        strstr(text, "\n\nLimits:\n      --queue-size N          requests that may wait; "));
    assert_non_null(strstr(text, "(1..65536, default 256)\n"));
    assert_non_null(strstr(text, "\n  -m, --models TEXT\n"));
    assert_non_null(strstr(text, "\n      --norm batch|running    (default batch)\n") ||
                    strstr(text, "\n      --norm batch|running     (default batch)\n"));
    assert_non_null(strstr(text, "PXDEMO_SOME_NAME"));
    free(text);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(config_path, sizeof config_path, "%s/c.json", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    px_options_free(&options);
    unlink(config_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("gives every option its default", test_defaults),
        CHECK("reads long, short and mixed command lines", test_command_line),
        CHECK("takes the last of several equal options", test_last_counts),
        CHECK("holds the extremes of each type", test_extremes),
        CHECK("prefers flag to variable to file to default", test_precedence),
        CHECK("reads every type from a JSON file", test_file_types),
        CHECK("explains what is wrong on a command line", test_bad_command_lines),
        CHECK("explains what is wrong in a file", test_bad_files),
        CHECK("explains what is wrong with a variable", test_variables),
        CHECK("skips the service variables of Kubernetes", test_service_links),
        CHECK("counts the positional arguments", test_arguments),
        CHECK("lets --help and --version win over mistakes", test_help_wins),
        CHECK("reads back the configuration it prints", test_round_trip),
        CHECK("reads back the defaults it prints", test_round_trip_defaults),
        CHECK("refuses to print a string that JSON cannot hold", test_print_not_utf8),
        CHECK("notices a full disk when printing", test_print_full_disk),
        CHECK("sets single options for callers with their own syntax", test_set),
        CHECK("aligns and wraps the help text", test_help_text),
    };
    return cmocka_run_group_tests_name("config/options", tests, make_folder, remove_folder);
}
