#include "server/front/deadlines.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

struct px_deadline {
    struct px_deadline *next, **link; /* *link points here */
    int fd;
    int64_t at_ns; /* INT64_MAX: none */
};

struct px_deadlines {
    pthread_mutex_t lock;
    struct px_deadline *first;
};

int px_deadlines_create(struct px_deadlines **out, struct px_error *err)
{
    struct px_deadlines *deadlines = calloc(1, sizeof *deadlines);

    if (!deadlines)
        return px_fail(err, PX_E_NOMEM, "no memory for the connections' deadlines");
    pthread_mutex_init(&deadlines->lock, NULL);
    *out = deadlines;
    return 0;
}

void px_deadlines_destroy(struct px_deadlines *deadlines)
{
    if (!deadlines)
        return;
    pthread_mutex_destroy(&deadlines->lock);
    free(deadlines);
}

struct px_deadline *px_deadlines_add(struct px_deadlines *deadlines, int fd)
{
    struct px_deadline *deadline = calloc(1, sizeof *deadline);

    if (!deadline)
        return NULL;
    deadline->fd = fd;
    deadline->at_ns = INT64_MAX;
    pthread_mutex_lock(&deadlines->lock);
    deadline->next = deadlines->first;
    deadline->link = &deadlines->first;
    if (deadline->next)
        deadline->next->link = &deadline->next;
    deadlines->first = deadline;
    pthread_mutex_unlock(&deadlines->lock);
    return deadline;
}

void px_deadlines_remove(struct px_deadlines *deadlines, struct px_deadline *deadline)
{
    pthread_mutex_lock(&deadlines->lock);
    *deadline->link = deadline->next;
    if (deadline->next)
        deadline->next->link = deadline->link;
    pthread_mutex_unlock(&deadlines->lock);
    free(deadline);
}

void px_deadlines_set(struct px_deadlines *deadlines, struct px_deadline *deadline, int64_t seconds)
{
    pthread_mutex_lock(&deadlines->lock);
    deadline->at_ns = seconds == 0 ? INT64_MAX : px_now_ns() + seconds * 1000000000;
    pthread_mutex_unlock(&deadlines->lock);
}

/* Under the lock, so that no descriptor is closed and given to another connection meanwhile. */
int px_deadlines_end(struct px_deadlines *deadlines)
{
    int64_t now = px_now_ns();
    int ended = 0;

    pthread_mutex_lock(&deadlines->lock);
    for (struct px_deadline *deadline = deadlines->first; deadline; deadline = deadline->next)
        if (deadline->at_ns <= now) {
            shutdown(deadline->fd, SHUT_RDWR);
            deadline->at_ns = INT64_MAX;
            ended++;
        }
    pthread_mutex_unlock(&deadlines->lock);
    return ended;
}
