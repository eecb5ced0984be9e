#include "tests/trainer/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"

extern char **environ;

static char folder[64];

const char *in(const char *name)
{
    static char paths[32][256];
    static unsigned turn;
    char *path = paths[turn++ % 32];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Pairs of 32 x 32 pictures: A a bright rectangle on dark ground, B its negative. */
void make_data(const char *name, int count)
{
    struct px_error err = {0};

    assert_int_equal(px_make_folder(in(name), &err), 0);
    for (int n = 0; n < count; n++) {
        struct px_image image = {0};
        char path[300];
        assert_int_equal(px_image_init(&image, 64, 32, 3, &err), 0);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++) {
                int inside = x > n % 11 && x < n % 11 + 14 && y > n % 7 && y < n % 7 + 18;
                uint8_t *a = image.data + (y * 64 + x) * 3;
                memset(a, inside ? 230 : 40, 3);
                memset(a + (size_t)32 * 3, inside ? 25 : 215, 3);
            }
        snprintf(path, sizeof path, "%s/%03d.png", in(name), n);
        assert_int_equal(px_image_save(path, &image, 90, &err), 0);
        px_image_clear(&image);
    }
}

/* Starts pix2pix-train on data/train with small networks; `extra` are further arguments, NULL at
 * the end. Files may not grow beyond `file_limit` bytes (0: any size). */
void start(struct run *run, const char *out, const char *const *extra, rlim_t file_limit)
{
    char program[4096];
    const char *argv[48] = {program,
                            "--data",
                            in("data"),
                            "--out",
                            out,
                            "--netG=unet_32",
                            "--ngf",
                            "4",
                            "--ndf",
                            "4",
                            "--crop-size",
                            "32",
                            "--load-size",
                            "36",
                            "--threads",
                            "1",
                            "--n-epochs",
                            "2",
                            "--n-epochs-decay",
                            "2"};
    size_t n = 0;

    snprintf(program, sizeof program, "%s/pix2pix-train", getenv("PX_BUILD"));
    while (argv[n])
        n++;
    while (*extra)
        argv[n++] = *extra++;
    assert_true(n < 48);
    run->pid = fork();
    assert_true(run->pid >= 0);
    if (run->pid == 0) {
        struct rlimit limit = {file_limit, file_limit};
        int to = open(in("out.txt"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        int errors = open(in("err.txt"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (to < 0 || errors < 0 || dup2(to, 1) < 0 || dup2(errors, 2) < 0 ||
            (file_limit && setrlimit(RLIMIT_FSIZE, &limit) != 0))
            _exit(99);
        execve(program, (char **)(uintptr_t)argv, environ);
        _exit(98);
    }
}

void slurp(const char *name, char *text, size_t room)
{
    uint8_t *data;
    size_t size;
    struct px_error err = {0};

    assert_int_equal(px_file_read(in(name), room - 1, &data, &size, &err), 0);
    memcpy(text, data, size);
    text[size] = 0;
    free(data);
}

void finish(struct run *run)
{
    int status;

    while (waitpid(run->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    slurp("out.txt", run->out, sizeof run->out);
    slurp("err.txt", run->err, sizeof run->err);
}

void train(struct run *run, const char *out, const char *const *extra, rlim_t file_limit)
{
    start(run, out, extra, file_limit);
    finish(run);
}

void assert_done(const struct run *run)
{
    if (run->status != 0)
        print_error("%s", run->err);
    assert_int_equal(run->status, 0);
    assert_string_equal(run->err, "");
}

void assert_one_line(const struct run *run, int status, const char *part)
{
    if (run->status != status || !strstr(run->err, part))
        print_error("status %d: %s", run->status, run->err);
    assert_int_equal(run->status, status);
    assert_int_equal(strncmp(run->err, "pix2pix-train: ", 15), 0);
    assert_non_null(strstr(run->err, part));
    assert_ptr_equal(strchr(run->err, '\n'), run->err + strlen(run->err) - 1);
}

void assert_same_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    uint8_t *data;
    size_t n;
    struct px_error err = {0};

    assert_int_equal(px_file_read(path, 1 << 28, &data, &n, &err), 0);
    assert_int_equal(n, size);
    assert_memory_equal(data, bytes, size);
    free(data);
}

void assert_same_file(const char *a, const char *b)
{
    uint8_t *data;
    size_t size;
    struct px_error err = {0};

    assert_int_equal(px_file_read(a, 1 << 28, &data, &size, &err), 0);
    assert_same_bytes(b, data, size);
    free(data);
}

/* Waits until a training has saved for the first time. */
void wait_for(const char *path)
{
    const struct timespec pause = {0, 1000000};

    for (int i = 0; i < 60000; i++) {
        if (access(path, F_OK) == 0)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("%s did not appear within a minute", path);
}

/* The lines of metrics.jsonl count up, each epoch ends with its one validation. */
void assert_steps_once(const char *name, int epochs)
{
    static char text[1 << 20];
    long last = 0, validations = 0;

    slurp(name, text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        long step = atol(strstr(line, "\"step\":") + 7);
        if (strstr(line, "\"val_L1\":")) {
            assert_int_equal(step, 10 * ++validations);
            assert_int_equal(step, last);
        } else {
            assert_true(step > last);
        }
        last = step;
    }
    assert_int_equal(validations, epochs);
}

/* The bytes of a tensor in a checkpoint, which the caller closes. */
void save_noise(const char *name, uint32_t width, uint32_t height)
{
    struct px_image image = {0};
    struct px_error err = {0};

    assert_int_equal(px_image_init(&image, width, height, 3, &err), 0);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        image.data[i] = (uint8_t)(i * i % 251);
    assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
    px_image_clear(&image);
}

double first_L1(const char *text)
{
    const char *at = strstr(text, "G_L1: ");

    assert_non_null(at);
    return atof(at + 6);
}

double last_L1(const char *text)
{
    double value = first_L1(text);

    while ((text = strstr(text, "G_L1: ")) != NULL)
        value = atof((text += 6));
    return value;
}

const struct px_tensor *first_weight(struct px_checkpoint **checkpoint, const char *path)
{
    struct px_error err = {0};

    assert_int_equal(px_checkpoint_open(checkpoint, path, &err), 0);
    return px_checkpoint_tensor(*checkpoint, 0, PX_ROLE_WEIGHT);
}

int run_program_tests(const struct CMUnitTest *tests, size_t count)
{
    /* In memory where that is possible: these runs save hundreds of times, each with a sync. */
    snprintf(folder, sizeof folder, "%s/px-train-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder) || !getenv("PX_BUILD"))
        return 1;
    make_data("data/train", 10);
    make_data("data/val", 5);
    int failed = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
