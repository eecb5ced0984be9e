/* Variables: PREFIX and the option's name in capitals, hyphens as underscores. */

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "config/internal.h"

enum { VARIABLE_MAX = 128 }; /* longer names are nobody's */

static void variable_of(const struct px_option_table *table, const struct px_option *row,
                        char *text, size_t size)
{
    int n = snprintf(text, size, "%s%s", table->environment, row->name);

    for (char *p = text + strlen(table->environment); n > 0 && *p; p++)
        *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
}

static const struct px_option *find(const struct px_option_table *table, const char *variable)
{
    char text[VARIABLE_MAX];

    for (size_t i = 0; i < table->count; i++) {
        variable_of(table, &table->rows[i], text, sizeof text);
        if (strcmp(text, variable) == 0)
            return &table->rows[i];
    }
    return NULL;
}

/* Kubernetes gives every container variables for each service of its namespace, so that a service
 * called like the program brings SERVICE_HOST, SERVICE_PORT[_NAME], PORT and PORT_80_TCP[_...]. */
static bool is_service_link(const char *rest)
{
    size_t digits;

    if (strncmp(rest, "SERVICE_HOST=", 13) == 0 || strncmp(rest, "SERVICE_PORT=", 13) == 0 ||
        strncmp(rest, "SERVICE_PORT_", 13) == 0)
        return true;
    if (strncmp(rest, "PORT=tcp://", 11) == 0 || strncmp(rest, "PORT=udp://", 11) == 0)
        return true;
    if (strncmp(rest, "PORT_", 5) != 0 || (digits = strspn(rest + 5, "0123456789")) == 0)
        return false;
    rest += 5 + digits;
    return strncmp(rest, "_TCP", 4) == 0 || strncmp(rest, "_UDP", 4) == 0;
}

static int unknown(const struct px_option_table *table, const char *variable, struct px_error *err)
{
    char name[VARIABLE_MAX], meant[VARIABLE_MAX];

    snprintf(name, sizeof name, "%s", variable + strlen(table->environment));
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const struct px_option *near = px_option_nearest(table, name);
    if (!near)
        return px_fail(err, PX_E_USAGE, "unknown environment variable %s; unset it", variable);
    variable_of(table, near, meant, sizeof meant);
    return px_fail(err, PX_E_USAGE, "unknown environment variable %s; did you mean %s?", variable,
                   meant);
}

static int apply(const struct px_option_table *table, void *settings,
                 const struct px_option *config, const char *entry, struct px_error *err)
{
    size_t skip = strlen(table->environment);
    size_t length = strcspn(entry, "=");
    char name[VARIABLE_MAX];
    const struct source source = {PX_E_USAGE, name};

    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : (int)sizeof name - 1,
             entry);
    const struct px_option *row = find(table, name);
    if (!row)
        return is_service_link(entry + skip) ? 0 : unknown(table, name, err);
    if (row->action && row != config)
        return px_fail(err, PX_E_USAGE, "%s: --%s can only be given on the command line", name,
                       row->name);
    return px_option_assign(row, settings, entry[length] ? entry + length + 1 : "", &source, err);
}

int px_options_from_environment(const struct px_option_table *table, void *settings,
                                const struct px_option *config, struct px_error *err)
{
    int rc = 0;

    if (!table->environment)
        return 0;
    for (char **entry = environ; *entry && !rc; entry++)
        if (strncmp(*entry, table->environment, strlen(table->environment)) == 0)
            rc = apply(table, settings, config, *entry, err);
    return rc;
}
