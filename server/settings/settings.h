#ifndef SERVER_SETTINGS_SETTINGS_H
#define SERVER_SETTINGS_SETTINGS_H

/* The daemon's options: one table (config/options.h) from which flags, PIX2PIXD_ variables, the
 * JSON file, help and printed configuration come. Plain data once parsed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/options.h"

struct px_server_settings {
    struct px_option_list listen;        /* ADDRESS:PORT or unix:PATH, at least one */
    struct px_option_list admin_listen;  /* the same; may be empty */
    struct px_option_list allow_origin;  /* SCHEME://HOST[:PORT], or "*" */
    struct px_option_list allow_host;    /* names, or "*" */
    struct px_option_list trusted_proxy; /* IP addresses and networks */
    const char *api_keys;                /* file; NULL: no keys are needed */
    const char *rate_limit;              /* server/front/rate_limit.h; NULL: none */
    const char *models;
    const char *default_model; /* NULL: the first */
    bool skip_bad_models;
    int watch;        /* index into "on|off" */
    int sandbox;      /* index into "on|off" */
    const char *user; /* name or uid; NULL: nobody, if root starts the daemon */
    int64_t max_batch;
    int64_t batch_delay_us;
    int64_t queue;
    double queue_seconds; /* 0: any time */
    uint64_t max_body;
    int64_t max_pixels;
    int64_t max_side;
    int64_t cpus; /* this and the next three: 0 leaves it to cpu_split.h */
    int64_t workers;
    int64_t threads_per_worker;
    int64_t codec_threads;
    bool pin;
    int64_t http_threads;
    int64_t max_connections;
    int64_t idle_timeout;     /* seconds */
    int64_t request_timeout;  /* seconds */
    int64_t request_deadline; /* seconds; 0: none */
    int64_t drain_delay;      /* seconds; -1: by whether there is a terminal */
    int64_t stop_timeout;     /* seconds */
    uint64_t min_rate;        /* bytes a second; 0: none */
    uint64_t memory_limit;
    uint64_t request_memory;
    int dtype;      /* enum px_dtype, of PX_DTYPE_CHOICES */
    int log_level;  /* enum px_log_level */
    int log_format; /* enum px_log_format */

    const char *config;
    bool check_config, print_config, health;
};

extern const struct px_option_table px_server_settings_table;

#endif
