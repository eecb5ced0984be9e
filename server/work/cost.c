#include "server/work/cost.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t decode_bytes_per_pixel(const struct px_image_info *info, size_t channels)
{
    size_t stored = info->format == PX_FORMAT_JPEG ? 2 * info->channels : info->channels;

    return larger(stored, channels) + channels;
}

/* Sides are at most 65535, so that none of this overflows. */
void px_cost_estimate(struct px_job *job, const struct px_image_info *info, bool json)
{
    const struct px_network *network = px_model_network(job->model->model);
    size_t pixels = (size_t)info->width * info->height;
    size_t inner = (size_t)job->fit.width * job->fit.height;
    size_t last = (size_t)job->fit.final_width * job->fit.final_height;
    size_t answer = last * (size_t)network->output_nc;

    job->decode_bytes = pixels * decode_bytes_per_pixel(info, (size_t)network->input_nc);
    job->kept_bytes =
        inner * (size_t)(network->input_nc + network->output_nc) + (json ? 6 : 3) * answer;
    job->cost = 1 + (pixels + 4 * inner + 4 * last) / 4096;
}

/* How many pixels a picture of these proportions may have; rounded down for fit=image, where the
 * network's size grows in steps. */
static double most_pixels(const struct px_job *job, double pixels, size_t most)
{
    double decode = (double)job->decode_bytes, kept = (double)job->kept_bytes;

    if (job->params.fit != PX_FIT_MODEL)
        return pixels * (double)most / (decode + kept) * 0.95;
    return kept < (double)most ? pixels * ((double)most - kept) / decode : 0;
}

int px_cost_check(const struct px_job *job, const struct px_image_info *info, size_t most,
                  struct px_error *err)
{
    size_t needed = job->decode_bytes + job->kept_bytes;
    double pixels = (double)info->width * info->height;

    if (needed <= most)
        return 0;
    return px_fail(
        err, PX_E_UNPROCESSABLE,
        "a picture of %ux%u takes up to %zu bytes of memory here, the limit is %zu; send "
        "one of at most %.0f pixels",
        info->width, info->height, needed, most, most_pixels(job, pixels, most) - 1);
}
