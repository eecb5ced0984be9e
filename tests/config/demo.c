#include "tests/config/demo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

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
    {.name = "allow-origin",
     .type = PX_OPTION_LIST,
     .offset = AT(origins),
     .help = "Answer to pages of this origin"},
    {.name = "listen", .type = PX_OPTION_LIST, .offset = AT(listen), .fallback = "a:1, b:2"},
};

static const struct px_option_foreign foreign[] = {
    {"line-length", "use --queue-size N"}, {"cuda|zz_top", "leave it out"}, {NULL, NULL}};

const struct px_option_table demo_table = {
    .program = "demo",
    .summary = "show how options work",
    .usage = "[OPTIONS] IN...",
    .description = "A demonstration.",
    .environment = "PXDEMO_",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .foreign = foreign,
    .max_arguments = 3,
};

static char folder[] = "/tmp/px-options-XXXXXX";
char config_path[64];

struct settings settings;
struct px_options options;
struct px_error err;

int demo_parse(const char *const *argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    px_options_clear(&options);
    memset(&err, 0, sizeof err);
    return px_options_parse(&demo_table, &settings, "config", argc, (char *const *)argv, &options,
                            &err);
}

void write_config(const char *text)
{
    assert_int_equal(px_file_save(config_path, text, strlen(text), NULL), 0);
}

void expect_list(const struct px_option_list *list, const char *joined)
{
    char text[256] = "";

    for (size_t i = 0; i < list->count; i++) {
        strcat(text, i ? "|" : "");
        strcat(text, list->items[i]);
    }
    assert_string_equal(text, joined);
}

int demo_setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(config_path, sizeof config_path, "%s/c.json", folder);
    return 0;
}

int demo_teardown(void **state)
{
    (void)state;
    px_options_clear(&options);
    unlink(config_path);
    return rmdir(folder);
}
