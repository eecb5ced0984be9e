#include "server/front/client.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/random.h"

static uint64_t secret;
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
    if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) != sizeof secret)
        secret = 0x9e3779b97f4a7c15u; /* before the kernel's pool is filled */
}

/* Of IPv4 addresses, which are mapped, the last 64 bits count. */
static uint64_t address_bits(const struct px_client_address *address)
{
    uint64_t bits;

    memcpy(&bits, address->bytes + (px_client_is_ipv4(address) ? 8 : 0), sizeof bits);
    return bits;
}

uint64_t px_client_key(const struct px_client_address *address, const char *name)
{
    pthread_once(&secret_once, draw_secret);
    uint64_t key = px_mix64(secret ^ px_mix64(address_bits(address)));
    if (name[0] == '\0')
        return key;
    key = ~secret;
    for (; *name != '\0'; name++)
        key = px_mix64(key ^ (unsigned char)*name);
    return key;
}
