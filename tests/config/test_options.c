#include "tests/config/demo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        {"--queue=1", "unknown option '--queue'; did you mean '--queue-size'?"},
        {"--size=1", "unknown option '--size'; did you mean '--queue-size'?"},
        {"--modles", "unknown option '--modles'; did you mean '--models'?"},
        {"--line_length=1", "--line_length: use --queue-size N"},
        {"--cuda", "--cuda: leave it out"},
        {"--zz-top", "--zz-top: leave it out"},
        {"--zz-to", "unknown option '--zz-to' ('demo --help' lists the options)"},
        {"--cud", "unknown option '--cud' ('demo --help' lists the options)"},
        {"--zzz", "unknown option '--zzz' ('demo --help' lists the options)"},
        {"-z", "unknown option '-z' ('demo --help' lists the options)"},
        {"-vx", "unknown option '-vx' ('demo --help' lists the options)"},
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
    assert_string_equal(err.message, "--models needs a value (if '--verbose' is the value, write "
                                     "--models=--verbose)");
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
        {"{\"listen\": [\"a\", 1]}", "listen: [\"a\",1] is not an array of strings or a string"},
        {"{\"listen\": true}", "listen: true is not an array of strings or a string"},
        {"{\"verbose\": 1}", "verbose: 1 is not true or false"},
        {"{\"check-config\": true}", "'check-config' cannot be set in a file"},
        {"{\"config\": \"x\"}", "'config' cannot be set in a file"},
        {"{\"queue-size\": 1, \"queue_size\": 2}",
         "'queue-size' and 'queue_size' are the same option"},
        {"[]", "not a JSON object {\"option\": value, ...}"},
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
    expect_variable("PXDEMO_PORT_80_SCTP", "sctp://10.0.0.1:80", NULL);
    expect_variable("PXDEMO_CANARY_EU_SERVICE_HOST", "10.0.0.1", NULL);
    expect_variable("PXDEMO_CANARY_SERVICE_PORT", "80", NULL);
    expect_variable("PXDEMO_CANARY_SERVICE_PORT_METRICS", "80", NULL);
    expect_variable("PXDEMO_CANARY_PORT", "udp://[fd00::1]:80", NULL);
    expect_variable("PXDEMO_CANARY_PORT_80_UDP", "udp://10.0.0.1:80", NULL);
    expect_variable("PXDEMO_CANARY_PORT_80_TCP_PROTO", "tcp", NULL);
    expect_variable("PXDEMO_CANARY_PORT_80_TCP_PORT", "80", NULL);

    char name[200]; /* as long as services' and ports' names may be */
    snprintf(name, sizeof name, "PXDEMO_%0100d_SERVICE_PORT_A", 7);
    expect_variable(name, "80", NULL);
}

static void test_no_service_links(void **state)
{
    static const char *const names[] = {
        "PXDEMO_PORT",          "PXDEMO_CANARY_PORT",   "PXDEMO_PORT_80",
        "PXDEMO_PORT_80_TCPX",  "PXDEMO_PORT_X_TCP",    "PXDEMO_PORT_80_ICMP",
        "PXDEMO_PORT_80_TCP_X", "PXDEMO_XPORT_80_TCP",  "PXDEMO_SERVICE_HOS",
        "PXDEMO_SERVICE_HOSTS", "PXDEMO_XSERVICE_HOST", "PXDEMO_SERVICE_PORTS",
    };
    char message[200];
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(message, sizeof message, "unknown environment variable %s; unset it", names[i]);
        expect_variable(names[i], "80", message);
    }
    expect_variable("PXDEMO_PORT", "http://10.0.0.1:80",
                    "unknown environment variable PXDEMO_PORT; unset it");
}

static void test_arguments(void **state)
{
    static const struct px_option_table two = {
        .program = "demo", .usage = "IN OUT", .min_arguments = 2, .max_arguments = 2};
    const char *const words[] = {"demo", "a", "b", "c"};
    char *const *argv = (char *const *)words;
    (void)state;

    px_options_clear(&options);
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
    assert_int_equal(options.topic, PX_TOPIC_HELP);
    assert_int_equal(PARSE("-h", "--version"), 0);
    assert_int_equal(options.topic, PX_TOPIC_HELP);
    assert_int_equal(PARSE("--help=man", "--queue-size=x"), 0);
    assert_int_equal(options.topic, PX_TOPIC_MAN);
    assert_int_equal(PARSE("--version"), 0);
    assert_int_equal(options.topic, PX_TOPIC_VERSION);
    assert_int_equal(PARSE("--", "--help"), 0);
    assert_int_equal(options.topic, PX_TOPIC_NONE);
    assert_false(px_options_inform(&demo_table, &options, stdout));
}

static void test_list(void **state)
{
    (void)state;
    assert_int_equal(PARSE("in.png"), 0);
    expect_list(&settings.origins, "");
    expect_list(&settings.listen, "a:1|b:2");
    assert_int_equal(PARSE("--listen=c:3", "x", "--listen", "d, 4", "--allow-origin=*"), 0);
    expect_list(&settings.listen, "c:3|d, 4");
    expect_list(&settings.origins, "*");
    assert_int_equal(PARSE("--listen=c:3", "--listen=", "--listen=e:5"), 0);
    expect_list(&settings.listen, "e:5");
    assert_int_equal(PARSE("--listen="), 0);
    expect_list(&settings.listen, "");
}

static void test_list_precedence(void **state)
{
    (void)state;
    write_config("{\"listen\": [\"f 6\", \"f:7\"], \"allow-origin\": \"http://a http://b\"}");
    assert_int_equal(PARSE("--config", config_path), 0);
    expect_list(&settings.listen, "f 6|f:7");
    expect_list(&settings.origins, "http://a|http://b");
    setenv("PXDEMO_LISTEN", " g:8,h:9 ,,\ti:10\n", 1);
    assert_int_equal(PARSE("--config", config_path), 0);
    expect_list(&settings.listen, "g:8|h:9|i:10");
    assert_int_equal(PARSE("--config", config_path, "--listen=j:11", "--listen=k:12"), 0);
    expect_list(&settings.listen, "j:11|k:12"); /* though the command line is read twice */
    setenv("PXDEMO_LISTEN", "", 1);
    assert_int_equal(PARSE("--config", config_path), 0);
    expect_list(&settings.listen, "");
    unsetenv("PXDEMO_LISTEN");
    write_config("{\"listen\": [], \"allow-origin\": null}");
    assert_int_equal(PARSE("--config", config_path), 0);
    expect_list(&settings.listen, "");
    expect_list(&settings.origins, "");
}

static void test_read_seed(void **state)
{
    uint64_t seed = 7;
    (void)state;

    assert_false(px_option_read_seed("", &seed));
    assert_false(px_option_read_seed("12 ", &seed));
    assert_false(px_option_read_seed("-1", &seed));
    assert_false(px_option_read_seed("18446744073709551616", &seed));
    assert_true(seed == 7);
    assert_true(px_option_read_seed("18446744073709551615", &seed) && seed == UINT64_MAX);
}

static void test_set(void **state)
{
    (void)state;
    assert_int_equal(PARSE("x"), 0);
    assert_int_equal(px_option_set(&demo_table, &settings, "norm", "running", "query", &err), 0);
    assert_int_equal(settings.norm, NORM_RUNNING);
    assert_int_equal(px_option_set(&demo_table, &settings, "norm", "x", "query", &err),
                     -PX_E_INVALID);
    assert_string_equal(err.message, "norm: 'x' is not known, allowed: batch|running");
    assert_int_equal(px_option_set(&demo_table, &settings, "nrom", "x", "field", &err),
                     -PX_E_INVALID);
    assert_string_equal(err.message, "unknown field 'nrom'; did you mean 'norm'?");
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
        CHECK("ignores the variables of Kubernetes's service links", test_service_links),
        CHECK("refuses variables that only resemble them", test_no_service_links),
        CHECK("collects repeated options into a list", test_list),
        CHECK("replaces a list by that of the next source", test_list_precedence),
        CHECK("reads a seed for callers with their own syntax", test_read_seed),
        CHECK("counts the positional arguments", test_arguments),
        CHECK("lets --help and --version win over mistakes", test_help_wins),
        CHECK("sets single options for callers with their own syntax", test_set),
    };
    return cmocka_run_group_tests_name("config/options", tests, demo_setup, demo_teardown);
}
