#include "server/front/request_id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/random.h"

void px_id_source_init(struct px_id_source *source)
{
    atomic_init(&source->count, 0);
    if (getrandom(&source->key, sizeof source->key, GRND_NONBLOCK) != sizeof source->key)
        source->key = (uint64_t)px_now_ns();
}

static bool is_id(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return n > 0 && n < PX_JOB_ID_SIZE && text[n] == '\0';
}

void px_request_id_choose(struct px_id_source *source, const char *wanted,
                          char id[static PX_JOB_ID_SIZE])
{
    if (wanted && is_id(wanted)) {
        snprintf(id, PX_JOB_ID_SIZE, "%s", wanted);
        return;
    }
    uint64_t n = px_mix64(source->key + atomic_fetch_add(&source->count, 1));
    snprintf(id, PX_JOB_ID_SIZE, "%016llx", (unsigned long long)n);
}
