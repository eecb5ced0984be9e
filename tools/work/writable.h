#ifndef TOOLS_WORK_WRITABLE_H
#define TOOLS_WORK_WRITABLE_H

#include "base/error.h"

/* Whether a file can be written, asked before minutes of work for it: fails as px_file_open().
 * Pipes and devices are not opened for nothing. */
int px_tool_check_writable(const char *path, struct px_error *err);

#endif
