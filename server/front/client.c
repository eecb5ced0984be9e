#include "server/front/client.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static uint64_t secret;
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
    if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) != sizeof secret)
        secret = 0x9e3779b97f4a7c15u; /* before the kernel's pool is filled */
}

/* splitmix64's finish: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Of IPv4 addresses in IPv6's clothes, as a socket on [::] sees them, the last 32 bits count. */
static uint64_t address_bits(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    uint64_t bits = 0;
    uint32_t low;

    if (address->sa_family == AF_INET)
        return v4->sin_addr.s_addr;
    if (address->sa_family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        memcpy(&low, v6->sin6_addr.s6_addr + 12, sizeof low);
        return low;
    }
    memcpy(&bits, v6->sin6_addr.s6_addr, sizeof bits);
    return bits;
}

uint64_t px_client_key(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    pthread_once(&secret_once, draw_secret);
    return mix(secret ^ mix(info && info->client_addr ? address_bits(info->client_addr) : 0));
}
