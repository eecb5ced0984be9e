#include "tests/config/demo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_round_trip(void **state)
{
    struct settings before;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    assert_int_equal(PARSE("--rate=0.1", "--seed=18446744073709551615", "--offset=-5", "--no-flip",
                           "--models=a \"quoted\" na\xc3\xafve\\path", "--norm=running",
                           "--max-body=1234567", "--listen=a, b", "--listen=\"c\""),
                     0);
    before = settings;
    assert_int_equal(px_options_print(&demo_table, &settings, out), 0);
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
    expect_list(&settings.listen, "a, b|\"c\"");
    expect_list(&settings.origins, "");
    free(text);
}

static void test_round_trip_defaults(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    assert_int_equal(PARSE("in.png"), 0);
    assert_int_equal(px_options_print(&demo_table, &settings, out), 0);
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
    assert_int_equal(px_options_print(&demo_table, &settings, out), -PX_E_INVALID);
    fclose(out);
}

static void test_print_full_disk(void **state)
{
    FILE *out = fopen("/dev/full", "w");
    (void)state;

    assert_non_null(out);
    assert_int_equal(PARSE("x"), 0);
    assert_int_equal(px_options_print(&demo_table, &settings, out), -PX_E_IO);
    fclose(out);
}

static const struct px_option *row_of(const char *name)
{
    for (size_t i = 0; i < demo_table.count; i++)
        if (strcmp(demo_table.rows[i].name, name) == 0)
            return &demo_table.rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void expect_text(const char *name, const char *text, bool is_default)
{
    char out[64];

    assert_true(px_option_text(row_of(name), &settings, out, sizeof out));
    assert_string_equal(out, text);
    assert_int_equal(px_option_is_default(row_of(name), &settings), is_default);
}

static void test_text(void **state)
{
    char out[8];
    (void)state;

    assert_int_equal(PARSE("--rate=1e-4", "--seed=18446744073709551615", "--offset=-5", "--no-flip",
                           "--models=m\"odels", "--norm=running", "--max-body=1024KiB",
                           "--listen=c:3", "--listen=d:4"),
                     0);
    expect_text("rate", "0.0001", false);
    expect_text("seed", "18446744073709551615", false);
    expect_text("offset", "-5", false);
    expect_text("no-flip", "true", false);
    expect_text("models", "m\"odels", false);
    expect_text("norm", "running", false);
    expect_text("max-body", "1MiB", false);
    expect_text("listen", "c:3,d:4", false);
    assert_true(px_option_text(row_of("models"), &settings, out, sizeof out));
    assert_false(px_option_text(row_of("models"), &settings, out, sizeof out - 1));
    assert_string_equal(out, "m\"odel");
    assert_false(px_option_text(row_of("listen"), &settings, out, sizeof out - 1));
    assert_string_equal(out, "c:3,d:");
    assert_int_equal(PARSE("--rate=2e-4", "--queue-size=0256", "--max-body=20480K", "--listen=a:1",
                           "--listen=b:2"),
                     0);
    expect_text("rate", "0.0002", true);
    expect_text("queue-size", "256", true);
    expect_text("max-body", "20MiB", true);
    expect_text("listen", "a:1,b:2", true);
    expect_text("allow-origin", "", true);
    expect_text("models", "", true);
    expect_text("verbose", "false", true);
    expect_text("norm", "batch", true);
    assert_int_equal(PARSE("--rate=1", "--models="), 0);
    expect_text("rate", "1", false);
    expect_text("models", "", false); /* not NULL */
}

static void test_help_text(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    px_options_help(&demo_table, out);
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
    assert_non_null(strstr(
        text,
        "\n      --allow-origin TEXT     Answer to pages of this origin (may be repeated)\n"));
    assert_non_null(strstr(text, "(may be repeated, default a:1, b:2)"));
    free(text);
}

static void test_long_choices(void **state)
{
    static const struct px_option row = {
        .name = "net",
        .type = PX_OPTION_CHOICE,
        .value = "NAME",
        .help = "Network",
        .choices = "a_first_choice_of_30_characters|a_second_choice_of_31_characters|"
                   "a_third_choice_of_30_characters|a_fourth_choice_of_31_characters"};
    static const struct px_option_table wide = {.program = "demo", .rows = &row, .count = 1};
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    px_options_help(&wide, out);
    fclose(out);
    assert_non_null(strstr(text, "Network\n                              (a_first_choice_of_30_"
                                 "characters|a_second_choice_of_31_characters|\n"
                                 "                              a_third_choice_of_30_characters|"));
    assert_non_null(strstr(text, "default a_first_choice_of_30_characters)\n"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 100);
    free(text);
}

static void test_man(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    assert_int_equal(PARSE("--help=man"), 0);
    assert_true(px_options_inform(&demo_table, &options, out));
    fclose(out);
    assert_memory_equal(text, ".TH \"DEMO\" \"1\" \"\" \"demo ", 24);
    assert_non_null(strstr(text, "\n.SH NAME\ndemo \\- show how options work\n"));
    assert_non_null(strstr(text, "\n.SH DESCRIPTION\nA demonstration.\n"));
    assert_non_null(strstr(text, "\n.SS Limits\n.TP\n\\fB\\-\\-queue\\-size\\fR \\fIN\\fR\n"));
    assert_non_null(strstr(text, "\n.TP\n\\fB\\-m\\fR, \\fB\\-\\-models\\fR \\fITEXT\\fR\n"));
    assert_non_null(strstr(text, "\\fIbatch|\\:running\\fR\n"));
    assert_non_null(strstr(text, "\n.SH ENVIRONMENT\n"));
    assert_non_null(strstr(text, "\n.SH EXIT STATUS\n"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        assert_true(*line != '\n' && *line != ' ' && *line != '\''); /* no stray space or request */
        assert_true(*line != '.' || strchr("THSPBanb", line[1]));
    }
    free(text);
}

static void test_man_escapes(void **state)
{
    static const struct px_option row = {
        .name = "x", .type = PX_OPTION_FLAG, .help = ".SH in front, back\\slash\n'and below"};
    static const struct px_option_table odd = {.program = "demo verb",
                                               .description = "One.\n\n  'indented\n.two",
                                               .rows = &row,
                                               .count = 1};
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;

    px_options_man(&odd, out);
    fclose(out);
    assert_memory_equal(text, ".TH \"DEMO-VERB\" ", 16);
    assert_non_null(strstr(text, "\ndemo\\-verb \\- demo verb\n"));
    assert_non_null(strstr(text, "\nOne.\n.PP\n.br\n\\&'indented\n\\&.two\n"));
    assert_non_null(strstr(text, "\n\\&.SH in front, back\\eslash 'and below\n"));
    assert_null(strstr(text, "ENVIRONMENT"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("reads back the configuration it prints", test_round_trip),
        CHECK("reads back the defaults it prints", test_round_trip_defaults),
        CHECK("refuses to print a string that JSON cannot hold", test_print_not_utf8),
        CHECK("notices a full disk when printing", test_print_full_disk),
        CHECK("gives each value as a user would write it", test_text),
        CHECK("aligns and wraps the help text", test_help_text),
        CHECK("breaks a long list of choices between them", test_long_choices),
        CHECK("prints a manual page", test_man),
        CHECK("escapes what troff would take for commands", test_man_escapes),
    };
    return cmocka_run_group_tests_name("config/text", tests, demo_setup, demo_teardown);
}
