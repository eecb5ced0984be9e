#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/streams.h"
#include "model/dnn/omp_spin.h"
#include "server/daemon.h"
#include "server/front/address.h"
#include "server/front/health.h"
#include "server/front/proxies.h"
#include "server/front/rate_limit.h"
#include "server/message/json_load.h"
#include "server/message/origin.h"
#include "server/settings/settings.h"

static int fail(const struct px_error *err, int rc)
{
    fprintf(stderr, "pix2pixd: %s\n", err->message);
    return px_error_exit(rc);
}

static int check_addresses(const struct px_option_list *listen, const char *option,
                           struct px_error *err)
{
    struct px_address address;

    for (size_t i = 0; i < listen->count; i++) {
        int rc = px_address_parse(listen->items[i], &address, err);
        if (rc < 0) {
            px_error_prefix(err, option);
            return rc;
        }
    }
    return 0;
}

/* Everything but explaining itself. */
static int act(const struct px_server_settings *settings, const struct px_options *options,
               struct px_error *err)
{
    struct px_proxies proxies;
    struct px_rate rate;
    int rc = check_addresses(&settings->listen, "--listen", err);

    if (rc == 0)
        rc = check_addresses(&settings->admin_listen, "--admin-listen", err);
    if (rc == 0 && settings->listen.count == 0)
        rc = px_fail(err, PX_E_USAGE, "--listen is empty; give an ADDRESS:PORT");
    if (rc == 0)
        rc = px_origin_check_options(&settings->allow_origin, &settings->allow_host, err);
    if (rc == 0)
        rc = px_proxies_parse(&proxies, &settings->trusted_proxy, err);
    if (rc == 0)
        rc = px_rate_parse(settings->rate_limit, &rate, err);
    if (rc < 0)
        return rc;
    if (settings->health)
        return px_health(options->argument_count > 0 ? options->arguments[0] : NULL,
                         settings->admin_listen.count > 0 ? settings->admin_listen.items[0]
                                                          : settings->listen.items[0],
                         err);
    if (options->argument_count > 0)
        return px_fail(err, PX_E_USAGE, "unexpected argument '%.80s'; only --health takes one",
                       options->arguments[0]);
    if (!settings->print_config && !settings->check_config)
        return px_daemon_run(settings, err);
    if (settings->check_config)
        rc = px_daemon_check(settings, err);
    else if (px_options_print(&px_server_settings_table, settings, stdout) == -PX_E_INVALID)
        rc = px_fail(err, PX_E_INVALID, "cannot print the configuration: a value is not UTF-8");
    return rc < 0 ? rc : px_flush_output(err);
}

int main(int argc, char **argv)
{
    struct px_server_settings settings;
    struct px_options options;
    struct px_error err = {0};

    px_streams_open();
    px_reexec_with_short_spin();
    px_json_init();
    int rc = px_options_parse(&px_server_settings_table, &settings, "config", argc, argv, &options,
                              &err);

    if (rc < 0)
        return fail(&err, rc);
    if (px_options_inform(&px_server_settings_table, &options, stdout)) {
        rc = px_flush_output(&err);
    } else {
        px_log_set_level((enum px_log_level)settings.log_level);
        px_log_set_format((enum px_log_format)settings.log_format);
        rc = act(&settings, &options, &err);
    }
    px_options_clear(&options);
    return rc < 0 ? fail(&err, rc) : 0;
}
