#include "server/front/connection_deadlines.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/block.h"
#include "base/clock.h"
#include "server/front/socket_state.h"

struct px_deadline {
    struct px_deadline *next, *previous; /* in the list of its phase */
    enum px_phase phase;
    int fd;
    bool ended;         /* shut down already */
    bool closing;       /* seen with its sending side closed, since it is in this phase */
    int64_t at_ns;      /* INT64_MAX: none */
    int64_t counted_ns; /* when `bytes` was read; 0: not yet in this phase */
    uint64_t bytes;     /* carried so far, in the direction of this phase */
    bool probed;        /* since it is WORKING */
    struct px_deadline_owner owner; /* while WORKING */
};

/* The one that entered the phase first is in front. */
struct deadline_list {
    struct px_deadline *first, *last;
};

struct px_deadlines {
    struct px_deadlines_options options;
    pthread_mutex_t lock;
    struct deadline_list phases[PX_PHASE_COUNT];
    size_t count;
    int crowded;
    struct pollfd *polls;
    struct px_deadline **polled;
    size_t poll_capacity, polled_capacity;
};

int px_deadlines_create(struct px_deadlines **out, const struct px_deadlines_options *options,
                        struct px_error *err)
{
    struct px_deadlines *deadlines = calloc(1, sizeof *deadlines);

    if (!deadlines)
        return px_fail(err, PX_E_NOMEM, "no memory for the connections' deadlines");
    deadlines->options = *options;
    pthread_mutex_init(&deadlines->lock, NULL);
    *out = deadlines;
    return 0;
}

void px_deadlines_destroy(struct px_deadlines *deadlines)
{
    if (!deadlines)
        return;
    assert(deadlines->count == 0);
    pthread_mutex_destroy(&deadlines->lock);
    free(deadlines->polls);
    free(deadlines->polled);
    free(deadlines);
}

static void append(struct deadline_list *list, struct px_deadline *deadline)
{
    deadline->next = NULL;
    deadline->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = deadline;
    list->last = deadline;
}

static void take_out(struct deadline_list *list, struct px_deadline *deadline)
{
    *(deadline->previous ? &deadline->previous->next : &list->first) = deadline->next;
    *(deadline->next ? &deadline->next->previous : &list->last) = deadline->previous;
}

/* Under the lock, so that the descriptor is not closed and given to another connection meanwhile.
 * The library closes it, which also takes it out of its list. */
static void end(struct px_deadline *deadline)
{
    assert(!deadline->ended);
    shutdown(deadline->fd, SHUT_RDWR);
    deadline->ended = true;
}

/* Connections without a complete request go first, then those whose clients are slowest. */
static void make_way(struct px_deadlines *deadlines)
{
    for (int phase = 0; phase < PX_PHASE_WORKING; phase++)
        for (struct px_deadline *at = deadlines->phases[phase].first; at; at = at->next)
            if (!at->ended) {
                end(at);
                deadlines->crowded++;
                return;
            }
}

struct px_deadline *px_deadlines_add(struct px_deadlines *deadlines, int fd)
{
    struct px_deadline *deadline = px_block_take_zeroed(sizeof *deadline);
    size_t limit = deadlines->options.max_connections;

    if (!deadline)
        return NULL;
    deadline->fd = fd;
    deadline->at_ns = INT64_MAX;
    pthread_mutex_lock(&deadlines->lock);
    if (deadlines->count >= limit - limit / 10)
        make_way(deadlines);
    append(&deadlines->phases[PX_PHASE_IDLE], deadline);
    deadlines->count++;
    pthread_mutex_unlock(&deadlines->lock);
    return deadline;
}

void px_deadlines_remove(struct px_deadlines *deadlines, struct px_deadline *deadline)
{
    pthread_mutex_lock(&deadlines->lock);
    assert(deadlines->count > 0);
    take_out(&deadlines->phases[deadline->phase], deadline);
    deadlines->count--;
    pthread_mutex_unlock(&deadlines->lock);
    px_block_release(deadline);
}

void px_deadlines_set(struct px_deadlines *deadlines, struct px_deadline *deadline,
                      enum px_phase phase, int64_t seconds)
{
    pthread_mutex_lock(&deadlines->lock);
    take_out(&deadlines->phases[deadline->phase], deadline);
    append(&deadlines->phases[phase], deadline);
    deadline->phase = phase;
    deadline->at_ns = seconds == 0 ? INT64_MAX : px_now_ns() + seconds * 1000000000;
    deadline->closing = false;
    deadline->counted_ns = 0;
    deadline->owner = (struct px_deadline_owner){0};
    pthread_mutex_unlock(&deadlines->lock);
}

void px_deadlines_work(struct px_deadlines *deadlines, struct px_deadline *deadline,
                       const struct px_deadline_owner *owner)
{
    px_deadlines_set(deadlines, deadline, PX_PHASE_WORKING, 0);
    pthread_mutex_lock(&deadlines->lock);
    deadline->owner = *owner;
    deadline->probed = false;
    pthread_mutex_unlock(&deadlines->lock);
}

/* Below the least rate since the last look, which is PX_RATE_SECONDS ago. */
static bool is_stalled(const struct px_deadlines *deadlines, struct px_deadline *deadline,
                       int64_t now)
{
    struct px_socket_bytes bytes;

    if (deadlines->options.min_rate == 0 ||
        (deadline->phase != PX_PHASE_READING && deadline->phase != PX_PHASE_SENDING) ||
        now - deadline->counted_ns < PX_RATE_SECONDS * INT64_C(1000000000) ||
        !px_socket_count(deadline->fd, &bytes))
        return false;
    uint64_t count = deadline->phase == PX_PHASE_READING ? bytes.received : bytes.taken;
    bool stalled = deadline->counted_ns != 0 &&
                   count - deadline->bytes < deadlines->options.min_rate * PX_RATE_SECONDS;
    deadline->counted_ns = now;
    deadline->bytes = count;
    return stalled;
}

static int end_late(struct px_deadlines *deadlines)
{
    int64_t now = px_now_ns();
    int late = 0;

    for (int phase = 0; phase < PX_PHASE_COUNT; phase++)
        for (struct px_deadline *at = deadlines->phases[phase].first; at; at = at->next)
            if (!at->ended && (at->at_ns <= now || is_stalled(deadlines, at, now))) {
                end(at);
                late++;
            }
    return late;
}

/* Room to poll every connection; without memory nothing is polled this time. */
static bool reserve_polls(struct px_deadlines *deadlines)
{
    size_t n = deadlines->count + !deadlines->count;
    struct pollfd *polls =
        px_array_grow(deadlines->polls, &deadlines->poll_capacity, n, sizeof *deadlines->polls);

    if (polls)
        deadlines->polls = polls;
    struct px_deadline **polled =
        px_array_grow(deadlines->polled, &deadlines->polled_capacity, n, sizeof *deadlines->polled);
    if (polled)
        deadlines->polled = polled;
    return polls && polled;
}

/* A client that closed only its sending side may wait for the answer to a request that the library
 * is about to read: hence the second look, and the question whether all was read. */
static bool is_gone(struct px_deadline *deadline, short events)
{
    if (events & (POLLHUP | POLLERR))
        return true;
    bool before = deadline->closing;
    deadline->closing = (events & POLLRDHUP) && px_socket_unread(deadline->fd) == 0;
    return before && deadline->closing;
}

/* Of a connection that we work for: true once its client is known to be gone. */
static bool has_left(struct px_deadline *deadline, short events)
{
    static const char probe[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (!deadline->owner.gone)
        return false;
    if (events & (POLLHUP | POLLERR))
        return true;
    if ((events & POLLRDHUP) && deadline->closing && !deadline->probed &&
        deadline->owner.is_http_1_1) {
        send(deadline->fd, probe, sizeof probe - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        deadline->probed = true;
    }
    deadline->closing = events & POLLRDHUP;
    return false;
}

static bool end_if_gone(struct px_deadline *deadline, short events)
{
    if (deadline->phase == PX_PHASE_WORKING) {
        if (!has_left(deadline, events))
            return false;
        deadline->owner.gone(deadline->owner.closure);
        deadline->owner.gone = NULL;
        return true;
    }
    if (!is_gone(deadline, events))
        return false;
    end(deadline);
    return true;
}

static int end_gone(struct px_deadlines *deadlines)
{
    static const enum px_phase phases[] = {PX_PHASE_IDLE, PX_PHASE_READING, PX_PHASE_WORKING};

    size_t n = 0;
    int gone = 0;

    if (!reserve_polls(deadlines))
        return 0;
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        for (struct px_deadline *at = deadlines->phases[phases[i]].first; at; at = at->next)
            if (!at->ended) {
                deadlines->polled[n] = at;
                deadlines->polls[n++] = (struct pollfd){.fd = at->fd, .events = POLLRDHUP};
            }
    if (poll(deadlines->polls, n, 0) <= 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        gone += end_if_gone(deadlines->polled[i], deadlines->polls[i].revents);
    return gone;
}

struct px_deadlines_ended px_deadlines_end(struct px_deadlines *deadlines)
{
    struct px_deadlines_ended ended;

    pthread_mutex_lock(&deadlines->lock);
    ended.late = end_late(deadlines);
    ended.gone = end_gone(deadlines);
    ended.crowded = deadlines->crowded;
    deadlines->crowded = 0;
    pthread_mutex_unlock(&deadlines->lock);
    return ended;
}
