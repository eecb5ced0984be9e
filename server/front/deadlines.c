#include "server/front/deadlines.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

struct px_waiting {
    struct px_waiting *next, **link; /* *link points here */
    int fd;
    int64_t deadline; /* INT64_MAX: none */
};

struct px_patience {
    pthread_mutex_t lock;
    struct px_waiting *first;
};

int px_patience_create(struct px_patience **out, struct px_error *err)
{
    struct px_patience *patience = calloc(1, sizeof *patience);

    if (patience == NULL)
        return px_fail(err, PX_E_NOMEM, "no memory for the connections' deadlines");
    pthread_mutex_init(&patience->lock, NULL);
    *out = patience;
    return 0;
}

void px_patience_destroy(struct px_patience *patience)
{
    if (patience == NULL)
        return;
    pthread_mutex_destroy(&patience->lock);
    free(patience);
}

struct px_waiting *px_patience_add(struct px_patience *patience, int fd)
{
    struct px_waiting *waiting = calloc(1, sizeof *waiting);

    if (waiting == NULL)
        return NULL;
    waiting->fd = fd;
    waiting->deadline = INT64_MAX;
    pthread_mutex_lock(&patience->lock);
    waiting->next = patience->first;
    waiting->link = &patience->first;
    if (waiting->next != NULL)
        waiting->next->link = &waiting->next;
    patience->first = waiting;
    pthread_mutex_unlock(&patience->lock);
    return waiting;
}

void px_patience_remove(struct px_patience *patience, struct px_waiting *waiting)
{
    pthread_mutex_lock(&patience->lock);
    *waiting->link = waiting->next;
    if (waiting->next != NULL)
        waiting->next->link = waiting->link;
    pthread_mutex_unlock(&patience->lock);
    free(waiting);
}

void px_patience_set(struct px_patience *patience, struct px_waiting *waiting, int64_t seconds)
{
    pthread_mutex_lock(&patience->lock);
    waiting->deadline = seconds == 0 ? INT64_MAX : px_now_ns() + seconds * 1000000000;
    pthread_mutex_unlock(&patience->lock);
}

/* Under the lock, so that no descriptor is closed and given to another connection meanwhile. */
int px_patience_end(struct px_patience *patience)
{
    int64_t now = px_now_ns();
    int ended = 0;

    pthread_mutex_lock(&patience->lock);
    for (struct px_waiting *waiting = patience->first; waiting != NULL; waiting = waiting->next)
        if (waiting->deadline <= now) {
            shutdown(waiting->fd, SHUT_RDWR);
            waiting->deadline = INT64_MAX;
            ended++;
        }
    pthread_mutex_unlock(&patience->lock);
    return ended;
}
