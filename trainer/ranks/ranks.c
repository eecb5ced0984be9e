#include "trainer/ranks/ranks.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "trainer/ranks/parts/ranks_module.h"

struct px_ranks {
    void *library;
    const struct px_ranks_module *module;
    int index, count;
};

/* What launchers say of the processes that they start: Open MPI's and MPICH's. */
static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
static const char *const ranks_before[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL};

/* 0 if no launcher says so. */
static int launched(const char *const *variables)
{
    for (; *variables; variables++) {
        const char *text = getenv(*variables);
        if (text && atoi(text) > 0)
            return atoi(text);
    }
    return 0;
}

/* Beside the program, as it is built, or where it is installed. MPI's own modules look for its
 * symbols among the global ones. */
static void *open_module(void)
{
    char path[PX_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    void *library = NULL;

    if (n > 0) {
        path[n] = '\0';
        *(char *)px_path_name(path) = '\0';
        if (strlen(path) + sizeof PX_RANKS_MODULE_NAME <= sizeof path)
            library = dlopen(strcat(path, PX_RANKS_MODULE_NAME), RTLD_NOW | RTLD_GLOBAL);
    }
    return library ? library
                   : dlopen(PX_MODULE_DIR "/" PX_RANKS_MODULE_NAME, RTLD_NOW | RTLD_GLOBAL);
}

int px_ranks_open(struct px_ranks **out, struct px_error *err)
{
    int count = launched(sizes);

    *out = NULL;
    if (count <= 1)
        return 0;
    struct px_ranks *r = calloc(1, sizeof *r);
    if (!r)
        return px_fail(err, PX_E_NOMEM, "no memory to begin");
    r->library = open_module();
    r->module = r->library ? dlsym(r->library, "px_ranks_module") : NULL;
    if (!r->module) {
        const char *why = dlerror();
        free(r);
        if (launched(ranks_before) > 0) { /* the first says it */
            *err = (struct px_error){.code = PX_E_UNSUPPORTED};
            return -PX_E_UNSUPPORTED;
        }
        return px_fail(err, PX_E_UNSUPPORTED,
                       "started as one of %d processes, but this was built without MPI: %s", count,
                       why ? why : "the module is not of this program");
    }
    r->module->start(&r->index, &r->count);
    *out = r;
    return 0;
}

/* The library stays, since MPI's threads may still run in it. */
void px_ranks_close(struct px_ranks *r)
{
    if (r)
        r->module->stop();
    free(r);
}

void px_ranks_abandon(struct px_ranks *r)
{
    free(r);
}

int px_ranks_index(const struct px_ranks *r)
{
    return r ? r->index : 0;
}

int px_ranks_count(const struct px_ranks *r)
{
    return r ? r->count : 1;
}

void px_ranks_sum(struct px_ranks *r, float *data, size_t n)
{
    if (r)
        r->module->sum(data, n);
}

void px_ranks_sum_start(struct px_ranks *r, float *data, size_t n, uint64_t *sum)
{
    r->module->sum_start(data, n, sum);
}

bool px_ranks_test(struct px_ranks *r, uint64_t *sum)
{
    return r->module->test(sum);
}

void px_ranks_wait(struct px_ranks *r, uint64_t *sum)
{
    r->module->wait(sum);
}

int px_ranks_max(struct px_ranks *r, int value)
{
    return r ? r->module->max(value) : value;
}

bool px_ranks_same(struct px_ranks *r, uint64_t value)
{
    return r ? r->module->same(value) : true;
}

void px_ranks_share(struct px_ranks *r, void *data, size_t size)
{
    if (r)
        r->module->share(data, size);
}

void px_ranks_fail(struct px_ranks *r, int status)
{
    if (r)
        r->module->fail(status);
}
