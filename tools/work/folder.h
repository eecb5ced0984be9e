#ifndef TOOLS_WORK_FOLDER_H
#define TOOLS_WORK_FOLDER_H

#include "base/error.h"

/* Creates the folder that results go into, unless it exists, and says so on standard error. Only
 * one level, so that a typing error does not grow a tree: NOT_FOUND if the folder around it is
 * missing, too; IO. */
int px_tool_make_folder(const char *path, struct px_error *err);

#endif
