#include "server/front/request_target.h"

#include <string.h>
#include <strings.h>

void px_request_target_read(const char *text, struct px_request_target *target)
{
    size_t path = strcspn(text, "?");
    const char *nul = strstr(text, "%00");

    *target = (struct px_request_target){.has_nul = nul && (size_t)(nul - text) < path};
    if (text[path] == '?' && text[path + 1] != '\0')
        target->query_count = 1;
    for (const char *s = strchr(text + path, '&'); s; s = strchr(s + 1, '&'))
        target->query_count++;
}

int px_request_target_check(const struct px_request_target *target, struct px_error *err)
{
    if (target->has_nul)
        return px_fail(err, PX_E_INVALID, "the path has a NUL byte (%%00)");
    if (target->query_count > PX_QUERY_MAX)
        return px_fail(err, PX_E_INVALID, "%zu query parameters; send at most %d",
                       target->query_count, PX_QUERY_MAX);
    return 0;
}

const char *px_request_target_path(const char *target)
{
    if (strncasecmp(target, "http://", 7) != 0)
        return target;
    target = strchr(target + 7, '/');
    return !target ? "/" : target;
}
