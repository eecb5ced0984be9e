#include "server/work/picture_room.h"

#include <assert.h>

/* About a megapixel: it is decoded, computed and encoded in some hundredths of a second. */
static const size_t LIGHT_BYTES_MAX = (size_t)16 << 20;

size_t px_picture_room_max(size_t total)
{
    return total - total / 4;
}

void px_picture_room_init(struct px_picture_room *room, size_t total)
{
    *room = (struct px_picture_room){.heavy_from = total / 8};
    if (room->heavy_from > LIGHT_BYTES_MAX)
        room->heavy_from = LIGHT_BYTES_MAX;
    room->limit[true] = px_picture_room_max(total);
    room->limit[false] = total / 4;
}

static size_t needed(const struct px_job *job)
{
    return job->decode_bytes + job->kept_bytes;
}

void px_picture_room_weigh(const struct px_picture_room *room, struct px_job *job)
{
    job->heavy = needed(job) > room->heavy_from;
}

bool px_picture_room_fits(const struct px_picture_room *room, const struct px_job *job)
{
    size_t limit = room->limit[job->heavy], used = room->used[job->heavy];

    return used <= limit && needed(job) <= limit - used;
}

void px_picture_room_take(struct px_picture_room *room, struct px_job *job)
{
    assert(job->charged == 0 && px_picture_room_fits(room, job));
    job->charged = needed(job);
    room->used[job->heavy] += job->charged;
}

void px_picture_room_shrink(struct px_picture_room *room, struct px_job *job, size_t bytes)
{
    if (job->charged <= bytes)
        return;
    size_t excess = job->charged - bytes;
    assert(room->used[job->heavy] >= excess);
    room->used[job->heavy] -= excess;
    job->charged = bytes;
}

void px_picture_room_keep_answer(struct px_picture_room *room, struct px_job *job, size_t bytes)
{
    assert(!job->holds_answer);
    px_picture_room_shrink(room, job, bytes);
    job->holds_answer = true;
    room->answers += job->charged;
}

void px_picture_room_release(struct px_picture_room *room, struct px_job *job)
{
    if (job->holds_answer) {
        assert(room->answers >= job->charged);
        room->answers -= job->charged;
        job->holds_answer = false;
    }
    px_picture_room_shrink(room, job, 0);
}
