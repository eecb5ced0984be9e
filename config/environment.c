/* Variables: PREFIX and the option's name in capitals, hyphens as underscores. */

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "config/parts/internal.h"

enum { VARIABLE_MAX = 128 }; /* longer names match no option */

static void variable_of(const struct px_option_table *table, const struct px_option *row,
                        char *text, size_t size)
{
    int n = snprintf(text, size, "%s%s", table->environment, row->name);

    for (char *p = text + strlen(table->environment); n > 0 && *p; p++)
        *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
}

static const struct px_option *find_variable(const struct px_option_table *table,
                                             const char *variable)
{
    char text[VARIABLE_MAX];

    for (size_t i = 0; i < table->count; i++) {
        variable_of(table, &table->rows[i], text, sizeof text);
        if (strcmp(text, variable) == 0)
            return &table->rows[i];
    }
    return NULL;
}

static const char *const protocols[] = {"tcp", "udp", "sctp"};

/* The protocol that a text begins with, in capitals (TCP) or as in a URL (tcp); its length or 0. */
static size_t protocol_length(const char *text, bool capitals)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        size_t n = strlen(protocols[i]), same = 0;
        while (same < n && text[same] == (capitals ? toupper((unsigned char)protocols[i][same])
                                                   : protocols[i][same]))
            same++;
        if (same == n)
            return n;
    }
    return 0;
}

/* "80_TCP", "80_TCP_ADDR", "80_TCP_PORT", "80_TCP_PROTO" and "=": the rest of a variable of one
 * port. */
static bool is_port_link(const char *text)
{
    static const char *const tails[] = {"=", "_ADDR=", "_PORT=", "_PROTO="};
    size_t digits = strspn(text, "0123456789");
    size_t n = digits && text[digits] == '_' ? protocol_length(text + digits + 1, true) : 0;

    if (!n)
        return false;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (strncmp(text + digits + 1 + n, tails[i], strlen(tails[i])) == 0)
            return true;
    return false;
}

/* Kubernetes gives every container variables for each service of its namespace; those of a service
 * whose name begins like the program's begin with the prefix. `rest`: what follows it,
 * "NAME=value". NAME is, after the rest of the service's name: SERVICE_HOST, SERVICE_PORT[_NAME],
 * PORT with a URL for its value, PORT_80_TCP[_...]. */
static bool is_service_link(const char *rest)
{
    for (const char *word = rest; *word && *word != '='; word++) {
        if (word != rest && word[-1] != '_')
            continue;
        if (strncmp(word, "SERVICE_HOST=", 13) == 0 || strncmp(word, "SERVICE_PORT=", 13) == 0 ||
            strncmp(word, "SERVICE_PORT_", 13) == 0)
            return true;
        if (strncmp(word, "PORT_", 5) == 0 && is_port_link(word + 5))
            return true;
        size_t n = strncmp(word, "PORT=", 5) == 0 ? protocol_length(word + 5, false) : 0;
        if (n && strncmp(word + 5 + n, "://", 3) == 0)
            return true;
    }
    return false;
}

static int unknown_variable(const struct px_option_table *table, const char *variable,
                            struct px_error *err)
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

static int apply_variable(const struct px_option_parse *parse, const char *entry,
                          struct px_error *err)
{
    const struct px_option_table *table = parse->table;
    size_t skip = strlen(table->environment);
    size_t length = strcspn(entry, "=");
    char name[VARIABLE_MAX];
    const struct px_option_source source = {PX_E_USAGE, name, parse->options};

    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : (int)sizeof name - 1,
             entry);
    const struct px_option *row = find_variable(table, name);
    if (!row)
        return is_service_link(entry + skip) ? 0 : unknown_variable(table, name, err);
    if (row->action && row != parse->config)
        return px_fail(err, PX_E_USAGE, "%s: --%s can only be given on the command line", name,
                       row->name);
    return px_option_assign(row, parse->settings, entry[length] ? entry + length + 1 : "", &source,
                            err);
}

int px_options_from_environment(const struct px_option_parse *parse, struct px_error *err)
{
    const char *prefix = parse->table->environment;
    int rc = 0;

    for (char **entry = environ; prefix && *entry && !rc; entry++)
        if (strncmp(*entry, prefix, strlen(prefix)) == 0)
            rc = apply_variable(parse, *entry, err);
    return rc;
}
