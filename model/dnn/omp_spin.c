#include "model/dnn/omp_spin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buffer.h"

/* The file that the program is executed from, whatever has become of its path. */
static const char self[] = "/proc/self/exe";

/* Pointers to each argument and NULL behind the last; NULL if there is none. The text must end with
 * a NUL and stay. */
static char **split(char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '\0';
    char **argv = count > 0 ? calloc(count + 1, sizeof *argv) : NULL;
    for (size_t i = 0; argv && i < count; i++) {
        argv[i] = text;
        text += strlen(text) + 1;
    }
    return argv;
}

static void read_file(const char *path, struct px_buffer *text)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t n;

    while (file && (n = fread(piece, 1, sizeof piece, file)) > 0)
        px_buffer_append(text, piece, n);
    if (file)
        fclose(file);
}

/* The kernel names a process after the last part of the path that it executed, which was `self`. */
static void restore_name(void)
{
    char name[16] = "";

    if (prctl(PR_GET_NAME, name) == 0 && strcmp(name, strrchr(self, '/') + 1) == 0 &&
        program_invocation_short_name[0] != '\0')
        prctl(PR_SET_NAME, program_invocation_short_name);
}

void px_reexec_with_short_spin(void)
{
    restore_name();
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    /* main()'s arguments lack those of the dynamic loader if that was the command; `self` is the
     * loader then, and needs them. */
    struct px_buffer text = {0};
    read_file("/proc/self/cmdline", &text);
    char **argv = text.failed ? NULL : split((char *)text.data, text.size);
    if (argv && setenv("GOMP_SPINCOUNT", "10000", 1) == 0)
        execv(self, argv);
    free(argv);
    px_buffer_clear(&text);
}
