#ifndef SERVER_WORK_PICTURE_ROOM_H
#define SERVER_WORK_PICTURE_ROOM_H

/* Memory for pixels on their way and for finished answers that clients have not taken yet. What a
 * job may take is charged before it is decoded and becomes less with every stage; the last of it is
 * released when the answer has left.
 *
 * There are two pools, so that a few large pictures cannot keep all small ones waiting, nor many
 * small ones the large: three quarters for heavy jobs, a quarter for the others.
 *
 * Plain data; the caller locks. */

#include "server/work/job.h"

struct px_picture_room {
    size_t heavy_from;        /* bytes; jobs that may take more are heavy */
    size_t limit[2], used[2]; /* bytes, by job->heavy */
    size_t answers;           /* of these: bytes of answers */
};

/* total: bytes, of both pools. */
void px_picture_room_init(struct px_picture_room *room, size_t total);

/* The most bytes that one job may take of `total`; one that needs more never fits. */
size_t px_picture_room_max(size_t total);

/* Sets job->heavy by what the job may take: job->decode_bytes + job->kept_bytes. */
void px_picture_room_weigh(const struct px_picture_room *room, struct px_job *job);

bool px_picture_room_fits(const struct px_picture_room *room, const struct px_job *job);
void px_picture_room_take(struct px_picture_room *room, struct px_job *job);

/* Releases what the job holds beyond `bytes`. */
void px_picture_room_shrink(struct px_picture_room *room, struct px_job *job, size_t bytes);

/* What the job still holds is its answer from now on. */
void px_picture_room_keep_answer(struct px_picture_room *room, struct px_job *job, size_t bytes);

/* Releases all that the job holds, answer or not. */
void px_picture_room_release(struct px_picture_room *room, struct px_job *job);

#endif
