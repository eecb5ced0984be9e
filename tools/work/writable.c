#include "tools/work/writable.h"

#include <sys/stat.h>

#include "base/file.h"

int px_tool_check_writable(const char *path, struct px_error *err)
{
    struct px_file_writer writer;
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return 0;
    int rc = px_file_open(&writer, path, err);
    if (!rc)
        px_file_abandon(&writer);
    return rc;
}
