#include "tests/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/ranks/outlet.h"

enum { LINES = 20000 };

static void print_lines(FILE *stream, int count)
{
    for (int i = 0; i < count; i++)
        fprintf(stream, "line %05d\n", i);
    fflush(stream);
}

/* Reads until the end; *lines: those that came, each in its turn. */
static void *read_slowly(void *closure)
{
    FILE *in = closure;
    char line[32];
    intptr_t lines = 0;
    int number;

    usleep(100000);
    while (fgets(line, sizeof line, in) && sscanf(line, "line %d", &number) == 1 && number == lines)
        lines++;
    fclose(in);
    return (void *)lines;
}

static void test_all_arrives(void **state)
{
    struct px_outlet *outlet;
    struct px_error err;
    atomic_int stop = 0;
    pthread_t reader;
    void *lines;
    int ends[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    pthread_create(&reader, NULL, read_slowly, fdopen(ends[0], "r"));
    assert_int_equal(px_outlet_open(&outlet, ends[1], &stop, &err), 0);
    assert_int_equal(isatty(fileno(px_outlet_stream(outlet))), 0);
    print_lines(px_outlet_stream(outlet), LINES);
    px_outlet_close(outlet);
    close(ends[1]);
    pthread_join(reader, &lines);
    assert_int_equal((intptr_t)lines, LINES);
}

static void *stop_soon(void *closure)
{
    usleep(100000);
    atomic_store((atomic_int *)closure, 15);
    return NULL;
}

static void test_stop(void **state)
{
    struct px_outlet *outlet;
    struct px_error err;
    static atomic_int stop; /* a thread may go on */
    pthread_t stopper;
    int ends[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(px_outlet_open(&outlet, ends[1], &stop, &err), 0);
    int64_t begin = px_now_ns();
    pthread_create(&stopper, NULL, stop_soon, &stop);
    print_lines(px_outlet_stream(outlet), LINES);
    assert_true(px_ms_since(begin) > 99); /* nothing is lost before */
    print_lines(px_outlet_stream(outlet), LINES);
    px_outlet_close(outlet);
    pthread_join(stopper, NULL);
    close(ends[0]); /* the thread's write fails, and it ends */
}

static void test_reader_gone(void **state)
{
    struct px_outlet *outlet;
    struct px_error err;
    atomic_int stop = 0;
    int ends[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(px_outlet_open(&outlet, ends[1], &stop, &err), 0);
    print_lines(px_outlet_stream(outlet), LINES);
    px_outlet_close(outlet);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("everything arrives in order, however slow the reader is", test_all_arrives),
        CHECK("after a stop nothing waits for a reader that does not read", test_stop),
        CHECK("nor for one that is gone", test_reader_gone),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
