#ifndef TESTS_CONFIG_DEMO_H
#define TESTS_CONFIG_DEMO_H

/* A table with a row of every type, and what its tests share. cmocka runs one test at a time, so
 * that the results of the last PARSE() may be global. */

#include "tests/check.h"

#include <stdbool.h>

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
    struct px_option_list origins, listen;
};

extern const struct px_option_table demo_table;

extern char config_path[64]; /* what write_config() writes */
extern struct settings settings;
extern struct px_options options;
extern struct px_error err;

/* The name of the program, then these arguments. */
#define PARSE(...) demo_parse((const char *[]){"demo", __VA_ARGS__, NULL})

int demo_parse(const char *const *argv);
void write_config(const char *text);
void expect_list(const struct px_option_list *list, const char *joined);

int demo_setup(void **state);
int demo_teardown(void **state);

#endif
