#include "translate/half.h"

#include <string.h>

bool px_half_is_pair(uint32_t width, uint32_t height)
{
    return width == 2 * (uint64_t)height;
}

bool px_half_is_right(const char *direction)
{
    return strcmp(direction, "BtoA") == 0;
}

bool px_half_choose(enum px_direction_choice choice, const char *direction)
{
    return choice == PX_DIRECTION_BY_MODEL ? px_half_is_right(direction)
                                           : choice == PX_DIRECTION_BTOA;
}

int px_half_cut(const struct px_image *pair, bool right, struct px_image *half,
                struct px_error *err)
{
    uint32_t middle = pair->width / 2, width = right ? pair->width - middle : middle;
    size_t row = (size_t)width * pair->channels, pitch = (size_t)pair->width * pair->channels;
    size_t first = right ? pitch - row : 0;
    struct px_image out;

    if (middle == 0)
        return px_fail(err, PX_E_UNPROCESSABLE, "%ux%u pixels cannot hold a pair side by side",
                       pair->width, pair->height);
    int rc = px_image_init(&out, width, pair->height, pair->channels, err);
    if (rc)
        return rc;
    for (size_t y = 0; y < pair->height; y++)
        memcpy(out.data + y * row, pair->data + y * pitch + first, row);
    *half = out;
    return 0;
}
