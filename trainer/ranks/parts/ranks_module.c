#include "trainer/ranks/parts/ranks_module.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

/* Counts are int; longer arrays go in pieces of this size. */
enum { MOST_AT_ONCE = 1 << 28 };

/* MPI's default: an error ends all ranks. Open MPI sums in place along a tree unless told
 * otherwise, which takes two to three times as long as its ring. */
static void start(int *index, int *count)
{
    int level;

    setenv("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "1", 0); /* ring */
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, index);
    MPI_Comm_size(MPI_COMM_WORLD, count);
}

static void stop(void)
{
    MPI_Finalize();
}

static void sum(float *data, size_t n)
{
    for (size_t at = 0; at < n; at += MOST_AT_ONCE)
        MPI_Allreduce(MPI_IN_PLACE, data + at, (int)(n - at < MOST_AT_ONCE ? n - at : MOST_AT_ONCE),
                      MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

/* A request of MPI as a number: a pointer in Open MPI, an int in MPICH. */
_Static_assert(sizeof(MPI_Request) <= sizeof(uint64_t), "a request fits");

static void sum_start(float *data, size_t n, uint64_t *sum)
{
    MPI_Request request;

    assert(n <= INT_MAX); /* a layer's weights */
    MPI_Iallreduce(MPI_IN_PLACE, data, (int)n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
    *sum = 0;
    memcpy(sum, &request, sizeof request);
}

static bool test(uint64_t *sum)
{
    MPI_Request request;
    int done;

    memcpy(&request, sum, sizeof request);
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    return done;
}

static void wait_for(uint64_t *sum)
{
    MPI_Request request;

    memcpy(&request, sum, sizeof request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static int max(int value)
{
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return value;
}

static bool same(uint64_t value)
{
    uint64_t ends[2] = {value, ~value};

    MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
    return ends[0] == ~ends[1];
}

static void share(void *data, size_t size)
{
    char *bytes = data;

    for (size_t at = 0; at < size; at += MOST_AT_ONCE)
        MPI_Bcast(bytes + at, (int)(size - at < MOST_AT_ONCE ? size - at : MOST_AT_ONCE), MPI_BYTE,
                  0, MPI_COMM_WORLD);
}

static void fail(int status)
{
    MPI_Abort(MPI_COMM_WORLD, status);
}

__attribute__((visibility("default"))) const struct px_ranks_module px_ranks_module = {
    .start = start,
    .stop = stop,
    .sum = sum,
    .sum_start = sum_start,
    .test = test,
    .wait = wait_for,
    .max = max,
    .same = same,
    .share = share,
    .fail = fail,
};
