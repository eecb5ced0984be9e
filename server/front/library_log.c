#include "server/front/library_log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

void px_library_log(char *line, size_t size, const char *format, va_list args)
{
    static const struct timespec pause = {.tv_nsec = 50000000};

    vsnprintf(line, size, format, args);
    line[strcspn(line, "\n")] = '\0';
    px_log_debug("http: %s", line);
    if (strstr(line, "at FIRST connection"))
        nanosleep(&pause, NULL);
}
