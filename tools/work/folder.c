#include "tools/work/folder.h"

#include <stdio.h>

#include "base/path.h"

int px_tool_make_folder(const char *path, struct px_error *err)
{
    bool made;
    int rc = px_path_make_folder(path, &made, err);

    if (!rc && made)
        fprintf(stderr, "created the folder %s\n", path);
    return rc;
}
