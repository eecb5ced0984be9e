#include "server/front/proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool read_address(const char *text, uint8_t bytes[static 16])
{
    if (inet_pton(AF_INET6, text, bytes) == 1)
        return true;
    memcpy(bytes, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, bytes + sizeof mapped) == 1;
}

static void write_address(const uint8_t bytes[static 16], char text[static PX_CLIENT_TEXT_SIZE])
{
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        inet_ntop(AF_INET, bytes + sizeof mapped, text, PX_CLIENT_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, bytes, text, PX_CLIENT_TEXT_SIZE);
}

static bool read_range(const char *item, struct px_proxy_range *range)
{
    char address[PX_CLIENT_TEXT_SIZE];
    size_t n = strcspn(item, "/");

    if (n >= sizeof address)
        return false;
    memcpy(address, item, n);
    address[n] = '\0';
    if (!read_address(address, range->bytes))
        return false;
    unsigned most = strchr(address, ':') ? 128 : 32;
    range->bits = 128;
    if (item[n] == '\0')
        return true;
    char *end;
    unsigned long bits = strtoul(item + n + 1, &end, 10);
    if (item[n + 1] < '0' || item[n + 1] > '9' || *end != '\0' || bits > most)
        return false;
    range->bits = 128 - most + (unsigned)bits;
    return true;
}

int px_proxies_parse(struct px_proxies *proxies, const struct px_option_list *list,
                     struct px_error *err)
{
    *proxies = (struct px_proxies){0};
    if (list->count > PX_PROXIES_MAX)
        return px_fail(err, PX_E_USAGE,
                       "--trusted-proxy has more than %d items; give networks: 10.0.0.0/8",
                       PX_PROXIES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], "unix") == 0) {
            proxies->unix_sockets = true;
            continue;
        }
        if (!read_range(list->items[i], &proxies->ranges[proxies->count]))
            return px_fail(err, PX_E_USAGE,
                           "--trusted-proxy '%.80s' is not an IP address, a network like "
                           "10.0.0.0/8, or unix",
                           list->items[i]);
        proxies->count++;
    }
    return 0;
}

static bool is_in(const struct px_proxy_range *range, const uint8_t bytes[static 16])
{
    unsigned whole = range->bits / 8, rest = range->bits % 8;

    return memcmp(range->bytes, bytes, whole) == 0 &&
           (rest == 0 || (range->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0);
}

static bool is_trusted(const struct px_proxies *proxies, const uint8_t bytes[static 16])
{
    for (size_t i = 0; i < proxies->count; i++)
        if (is_in(&proxies->ranges[i], bytes))
            return true;
    return false;
}

/* The addresses of X-Forwarded-For, read from the left. */
struct forwarded {
    const struct px_proxies *proxies;
    uint8_t client[16]; /* the last that is not trusted, else the first behind what is unreadable */
    bool found;
};

static void add_forwarded(struct forwarded *forwarded, const char *item, size_t size)
{
    char text[PX_CLIENT_TEXT_SIZE];
    uint8_t bytes[16];

    snprintf(text, sizeof text, "%.*s", (int)size, item);
    if (size >= sizeof text || !read_address(text, bytes)) {
        forwarded->found = false;
        return;
    }
    if (!forwarded->found || !is_trusted(forwarded->proxies, bytes))
        memcpy(forwarded->client, bytes, sizeof bytes);
    forwarded->found = true;
}

/* Several headers are one list. */
static enum MHD_Result add_header(void *closure, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind;
    if (strcasecmp(key, "X-Forwarded-For") != 0 || !value)
        return MHD_YES;
    while (*value != '\0') {
        value += strspn(value, ", \t");
        size_t size = strcspn(value, ", \t");
        if (size > 0)
            add_forwarded(closure, value, size);
        value += size;
    }
    return MHD_YES;
}

/* False for unix sockets. */
static bool peer_address(struct MHD_Connection *connection, uint8_t bytes[static 16])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = !info ? NULL : info->client_addr;

    if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return false;
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return true;
    }
    memcpy(bytes, mapped, sizeof mapped);
    memcpy(bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
           4);
    return true;
}

void px_client_address_find(const struct px_proxies *proxies, struct MHD_Connection *connection,
                            struct px_client_address *found)
{
    struct forwarded forwarded = {.proxies = proxies};
    uint8_t peer[16];
    bool known = peer_address(connection, peer);

    *found = (struct px_client_address){0};
    if (known) {
        write_address(peer, found->client);
        memcpy(found->bytes, peer, sizeof peer);
    }
    if (known ? !is_trusted(proxies, peer) : !proxies->unix_sockets)
        return;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &forwarded);
    if (!forwarded.found)
        return;
    snprintf(found->proxy, sizeof found->proxy, "%s", known ? found->client : "unix");
    write_address(forwarded.client, found->client);
    memcpy(found->bytes, forwarded.client, sizeof found->bytes);
}

bool px_client_is_ipv4(const struct px_client_address *address)
{
    return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}
