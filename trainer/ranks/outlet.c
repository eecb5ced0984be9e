#include "trainer/ranks/outlet.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"

enum { ROOM = 32768, AT_ONCE = 4096, LAST_MS = 200 };

struct px_outlet {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const atomic_int *stop;
    FILE *stream;
    int fd;
    size_t used;
    bool closing, done;
    bool abandoned; /* the thread frees it */
    bool broken;    /* the reader is gone: all is dropped */
    char bytes[ROOM];
};

/* With the lock held: until something changes, or for 20 ms, because a signal wakes nobody. */
static void wait_a_little(struct px_outlet *outlet)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += 20000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&outlet->changed, &outlet->lock, &end);
}

static void destroy(struct px_outlet *outlet)
{
    pthread_cond_destroy(&outlet->changed);
    pthread_mutex_destroy(&outlet->lock);
    free(outlet);
}

static void *work(void *closure)
{
    struct px_outlet *outlet = closure;
    char bytes[AT_ONCE];

    pthread_mutex_lock(&outlet->lock);
    for (;;) {
        while (!outlet->used && !outlet->closing)
            pthread_cond_wait(&outlet->changed, &outlet->lock);
        if (!outlet->used)
            break;
        size_t n = outlet->used < AT_ONCE ? outlet->used : AT_ONCE;
        memcpy(bytes, outlet->bytes, n);
        outlet->used -= n;
        memmove(outlet->bytes, outlet->bytes + n, outlet->used);
        pthread_cond_broadcast(&outlet->changed);
        pthread_mutex_unlock(&outlet->lock);
        bool written = px_write_all(outlet->fd, bytes, n);
        pthread_mutex_lock(&outlet->lock);
        outlet->broken |= !written;
    }
    outlet->done = true;
    bool abandoned = outlet->abandoned;
    pthread_cond_broadcast(&outlet->changed);
    pthread_mutex_unlock(&outlet->lock);
    if (abandoned)
        destroy(outlet);
    return NULL;
}

/* A cookie_write_function_t: takes everything, and keeps what there is room for. */
static ssize_t take(void *closure, const char *bytes, size_t size)
{
    struct px_outlet *outlet = closure;
    size_t at = 0;

    pthread_mutex_lock(&outlet->lock);
    while (at < size && !outlet->broken) {
        size_t room = ROOM - outlet->used, n = size - at < room ? size - at : room;
        memcpy(outlet->bytes + outlet->used, bytes + at, n);
        outlet->used += n;
        at += n;
        pthread_cond_broadcast(&outlet->changed);
        if (at < size && *outlet->stop)
            break;
        if (at < size)
            wait_a_little(outlet);
    }
    pthread_mutex_unlock(&outlet->lock);
    return (ssize_t)size;
}

int px_outlet_open(struct px_outlet **out, int fd, const atomic_int *stop, struct px_error *err)
{
    struct px_outlet *outlet = calloc(1, sizeof *outlet);

    *out = NULL;
    if (!outlet)
        return px_fail(err, PX_E_NOMEM, "no memory to begin");
    outlet->fd = fd;
    outlet->stop = stop;
    outlet->stream = fopencookie(outlet, "w", (cookie_io_functions_t){.write = take});
    if (!outlet->stream) {
        free(outlet);
        return px_fail(err, PX_E_NOMEM, "no memory to begin");
    }
    pthread_mutex_init(&outlet->lock, NULL);
    pthread_cond_init(&outlet->changed, NULL);
    if (pthread_create(&outlet->thread, NULL, work, outlet) != 0) {
        fclose(outlet->stream);
        free(outlet);
        return px_fail(err, PX_E_INTERNAL, "cannot start the thread that prints");
    }
    *out = outlet;
    return 0;
}

FILE *px_outlet_stream(struct px_outlet *outlet)
{
    return outlet->stream;
}

void px_outlet_close(struct px_outlet *outlet)
{
    if (!outlet)
        return;
    fclose(outlet->stream);
    pthread_mutex_lock(&outlet->lock);
    outlet->closing = true;
    pthread_cond_broadcast(&outlet->changed);
    for (int64_t begin = px_now_ns();
         !outlet->done && !(*outlet->stop && px_ms_since(begin) > LAST_MS);)
        wait_a_little(outlet);
    bool done = outlet->done;
    outlet->abandoned = !done;
    if (!done)
        pthread_detach(outlet->thread);
    pthread_mutex_unlock(&outlet->lock);
    if (!done)
        return;
    pthread_join(outlet->thread, NULL);
    destroy(outlet);
}
