#ifndef TESTS_TRAINER_PROGRAM_H
#define TESTS_TRAINER_PROGRAM_H

/* pix2pix-train as a user runs it, on a tiny data set with tiny networks. */

#include "tests/check.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "model/checkpoint/checkpoint.h"

/* A path below the test's own folder, good for the next 32 calls. */
const char *in(const char *name);

/* `count` pairs of 32 x 32 pictures: A a bright rectangle on dark ground, B its negative. */
void make_data(const char *name, int count);

/* A picture of 0 to 250 in a pattern without edges. */
void save_noise(const char *name, uint32_t width, uint32_t height);

struct run {
    pid_t pid;
    int status; /* exit status; 1000 + signal where one killed it */
    char out[32768], err[4096];
};

/* Starts pix2pix-train on data/ with small networks; `extra` are further arguments, NULL at the
 * end. Files may not grow beyond `file_limit` bytes (0: any size). */
void start(struct run *run, const char *out, const char *const *extra, rlim_t file_limit);
void finish(struct run *run);
void train(struct run *run, const char *out, const char *const *extra, rlim_t file_limit);

#define MORE(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Reads a whole text file. */
void slurp(const char *name, char *text, size_t room);

/* The first and the last "G_L1: " that a training printed. */
double first_L1(const char *text);
double last_L1(const char *text);

/* Ended well and said nothing to stderr; or failed with one line that holds `part`. */
void assert_done(const struct run *run);
void assert_one_line(const struct run *run, int status, const char *part);

void assert_same_bytes(const char *path, const uint8_t *bytes, size_t size);
void assert_same_file(const char *a, const char *b);

/* The lines of metrics.jsonl count up, each epoch ends with its one validation. */
void assert_steps_once(const char *name, int epochs);

/* The first weights of a checkpoint, which the caller closes. */
const struct px_tensor *first_weight(struct px_checkpoint **checkpoint, const char *path);

/* Waits until a file is there, at most a minute. */
void wait_for(const char *path);

/* main() of such a test: makes data/train and data/val, runs the tests, and removes all. */
int run_program_tests(const struct CMUnitTest *tests, size_t count);

#endif
