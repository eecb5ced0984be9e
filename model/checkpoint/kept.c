#include "model/checkpoint/kept.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int px_kept_folder(char path[static PX_PATH_MAX], const char *checkpoint, struct px_error *err)
{
    return px_path_with_suffix(path, checkpoint, ".epochs", err);
}

int px_kept_path(char path[static PX_PATH_MAX], const char *checkpoint, int64_t epoch,
                 const char *suffix, struct px_error *err)
{
    const char *name = px_path_name(checkpoint);
    char folder[PX_PATH_MAX];
    int rc = px_kept_folder(folder, checkpoint, err);

    return rc ? rc
              : px_path_format(path, err, "%s/%.*s_%03" PRId64 "%s", folder,
                               (int)px_path_stem_length(name), name, epoch, suffix);
}

int64_t px_kept_epoch(const char *checkpoint, const char *file, const char *suffix)
{
    const char *name = px_path_name(checkpoint);
    size_t stem = px_path_stem_length(name);
    char *end;

    if (strncmp(file, name, stem) != 0 || file[stem] != '_')
        return 0;
    long long epoch = strtoll(file + stem + 1, &end, 10);
    return strcmp(end, suffix) == 0 && epoch > 0 ? epoch : 0;
}
