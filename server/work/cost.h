#ifndef SERVER_WORK_COST_H
#define SERVER_WORK_COST_H

/* What a picture takes, decided from its header before anything is decoded. */

#include "server/work/job.h"

/* Sets job->decode_bytes, job->kept_bytes and job->cost, upper bounds; job->model, job->fit and
 * job->params are set. `json`: the answer is wrapped in JSON.
 *
 *   decoding   JPEG: a progressive one's coefficients, 2 bytes for each stored channel, and the
 *              pixels; CMYK so takes 11 bytes a pixel. PNG: an interlaced one's stored pixels, and
 *              the pixels. Twice the pixels if those are more, for turning them (EXIF).
 *   kept       the network's input and output, the answer's pixels and its file, which grows by
 *              doubling; for JSON the same in base64. */
void px_cost_estimate(struct px_job *job, const struct px_image_info *info, bool json);

/* 0, or UNPROCESSABLE if the job takes more than `most` bytes, with the number of pixels that would
 * fit. */
int px_cost_check(const struct px_job *job, const struct px_image_info *info, size_t most,
                  struct px_error *err);

#endif
