#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

/* Runs one fuzz target over every file of the folders named as arguments, printing TAP. A target
 * fails by crashing; the test then ends without its plan. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 16 << 20 };

/* The target sees a block of exactly the file's size, so that a sanitizer sees every byte read
 * beyond it. */
static int replay(const char *path)
{
    struct px_error err;
    uint8_t *data;
    size_t size;

    if (px_file_read(path, MAX_INPUT, &data, &size, &err) != 0) {
        printf("# %s\n", err.message);
        return 1;
    }
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, data, size);
    free(data);
    LLVMFuzzerTestOneInput(size ? exact : NULL, size);
    free(exact);
    return 0;
}

static int replay_folder(const char *folder, int *count)
{
    static const char *const any[] = {"", NULL};
    char path[4096];
    char **names;
    size_t n;
    struct px_error err;
    int failed = 0;

    if (px_list_folder(folder, any, &names, &n, &err) != 0) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        int bad = replay(path);
        printf("%sok %d - survives %s\n", bad ? "not " : "", ++*count, names[i]);
        failed |= bad;
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    int count = 0;
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay_folder(argv[i], &count);
    if (count == 0) {
        printf("Bail out! no inputs: name a folder of files\n");
        return 1;
    }
    printf("1..%d\n", count);
    return failed;
}
