/* The program as a whole, run as a user runs it, on a tiny data set with tiny networks. */

#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "model/checkpoint.h"
#include "model/conv.h"

extern char **environ;

static char folder[64];

static const char *in(const char *name)
{
    static char paths[32][256];
    static unsigned turn;
    char *path = paths[turn++ % 32];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Pairs of 32 x 32 pictures: A a bright rectangle on dark ground, B its negative. */
static void make_data(const char *name, int count)
{
    struct px_error err = {0};

    assert_int_equal(px_make_folder(in(name), &err), 0);
    for (int n = 0; n < count; n++) {
        struct px_image image = {0};
        char path[300];
        assert_int_equal(px_image_create(&image, 64, 32, 3, &err), 0);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++) {
                int inside = x > n % 11 && x < n % 11 + 14 && y > n % 7 && y < n % 7 + 18;
                uint8_t *a = image.data + (y * 64 + x) * 3;
                memset(a, inside ? 230 : 40, 3);
                memset(a + (size_t)32 * 3, inside ? 25 : 215, 3);
            }
        snprintf(path, sizeof path, "%s/%03d.png", in(name), n);
        assert_int_equal(px_image_save(path, &image, 90, &err), 0);
        px_image_destroy(&image);
    }
}

struct run {
    pid_t pid;
    int status; /* exit status; 1000 + signal where one killed it */
    char out[32768], err[4096];
};

/* Starts pix2pix-train on data/train with small networks; `extra` are further arguments, NULL at
 * the end. Files may not grow beyond `file_limit` bytes (0: any size). */
static void start(struct run *run, const char *out, const char *const *extra, rlim_t file_limit)
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

static void slurp(const char *name, char *text, size_t room)
{
    uint8_t *data;
    size_t size;
    struct px_error err = {0};

    assert_int_equal(px_file_read(in(name), room - 1, &data, &size, &err), 0);
    memcpy(text, data, size);
    text[size] = 0;
    free(data);
}

static void finish(struct run *run)
{
    int status;

    while (waitpid(run->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    slurp("out.txt", run->out, sizeof run->out);
    slurp("err.txt", run->err, sizeof run->err);
}

static void train(struct run *run, const char *out, const char *const *extra, rlim_t file_limit)
{
    start(run, out, extra, file_limit);
    finish(run);
}

#define MORE(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_done(const struct run *run)
{
    if (run->status != 0)
        print_error("%s", run->err);
    assert_int_equal(run->status, 0);
    assert_string_equal(run->err, "");
}

static void assert_one_line(const struct run *run, int status, const char *part)
{
    if (run->status != status || !strstr(run->err, part))
        print_error("status %d: %s", run->status, run->err);
    assert_int_equal(run->status, status);
    assert_int_equal(strncmp(run->err, "pix2pix-train: ", 15), 0);
    assert_non_null(strstr(run->err, part));
    assert_ptr_equal(strchr(run->err, '\n'), run->err + strlen(run->err) - 1);
}

static void assert_same_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    uint8_t *data;
    size_t n;
    struct px_error err = {0};

    assert_int_equal(px_file_read(path, 1 << 28, &data, &n, &err), 0);
    assert_int_equal(n, size);
    assert_memory_equal(data, bytes, size);
    free(data);
}

static void assert_same_file(const char *a, const char *b)
{
    uint8_t *data;
    size_t size;
    struct px_error err = {0};

    assert_int_equal(px_file_read(a, 1 << 28, &data, &size, &err), 0);
    assert_same_bytes(b, data, size);
    free(data);
}

/* Waits until a training has saved for the first time. */
static void wait_for(const char *path)
{
    const struct timespec pause = {0, 1000000};

    for (int i = 0; i < 60000; i++) {
        if (access(path, F_OK) == 0)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("%s did not appear within a minute", path);
}

static double first_L1(const char *text)
{
    const char *at = strstr(text, "G_L1: ");

    assert_non_null(at);
    return atof(at + 6);
}

static double last_L1(const char *text)
{
    double value = first_L1(text);

    while ((text = strstr(text, "G_L1: ")) != NULL)
        value = atof((text += 6));
    return value;
}

static void test_learns(void **state)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_image picture = {0};
    struct px_error err = {0};
    (void)state;

    train(&run, in("learn.safetensors"),
          MORE("--print-freq", "10", "--n-epochs", "20", "--lr", "0.002"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "The number of training images = 10"));
    assert_non_null(strstr(run.out, "End of epoch 22 / 22"));
    assert_true(last_L1(run.out) < 0.5 * first_L1(run.out));

    assert_int_equal(px_checkpoint_open(&checkpoint, in("learn.safetensors"), &err), 0);
    assert_string_equal(checkpoint->network.architecture, "unet_32");
    assert_int_equal(checkpoint->network.crop_size, 32);
    assert_int_equal(checkpoint->dtype, PX_F32);
    assert_true(checkpoint->has_running);
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "steps"), "220");
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "lr"), "0.002");
    assert_null(px_safetensors_metadata(checkpoint->file, "data"));
    px_checkpoint_close(checkpoint);

    assert_int_equal(px_image_load(in("learn.pictures/epoch_022.png"), NULL, 3, &picture, &err), 0);
    assert_int_equal(picture.width, 3 * 32 + 2 * 4);
    assert_int_equal(picture.height, 4 * 32 + 3 * 4);
    /* Column 2 is the target of column 0, and the output begins to look like it. */
    const uint8_t *middle = picture.data + (size_t)(10 * 104 + 8) * 3;
    assert_int_equal(middle[0], 230);
    assert_int_equal(middle[72 * 3], 25);
    assert_true(middle[36 * 3] < 128);
    px_image_destroy(&picture);

    uint8_t *page;
    size_t size;
    assert_int_equal(px_file_read(in("learn.report.html"), 3000000, &page, &size, &err), 0);
    assert_non_null(strstr((char *)page, "<title>learn: epoch 22 of 22</title>"));
    assert_non_null(strstr((char *)page, "&middot; complete"));
    free(page);
}

/* The lines of metrics.jsonl count up, each epoch ends with its one validation. */
static void assert_steps_once(const char *name, int epochs)
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

/* The best generator is that of the epoch with the lowest validation L1. */
static void test_best(void **state)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    static char text[1 << 16];
    double lowest = 1e9;
    char best[16] = "";
    (void)state;

    /* At so high a rate the last epoch is not the best one. */
    train(&run, in("best.safetensors"), MORE("--n-epochs", "6", "--lr", "0.05", "--num-val", "3"),
          0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "The number of validation images = 3"));
    slurp("best.metrics.jsonl", text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *at = strstr(line, "\"val_L1\":");
        if (!at)
            continue;
        bool better = atof(at + 9) < lowest;
        assert_int_equal(strstr(line, "\"best\":true") != NULL, better);
        if (better) {
            lowest = atof(at + 9);
            snprintf(best, sizeof best, "%d", atoi(strstr(line, "\"epoch\":") + 8));
        }
    }
    assert_string_not_equal(best, "8");
    assert_int_equal(px_checkpoint_open(&checkpoint, in("best.best/best.safetensors"), &err), 0);
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "epoch"), best);
    px_checkpoint_close(checkpoint);

    assert_int_equal(remove(in("best.safetensors")), 0);
    assert_int_equal(remove(in("best.state")), 0);
    train(&run, in("best.safetensors"), MORE("--n-epochs", "6"), 0);
    assert_one_line(&run, 1, "best.best/best.safetensors is there");

    train(&run, in("noval.safetensors"), MORE("--data", in("data/train"), "--n-epochs", "0"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "no best checkpoint"));
    assert_int_equal(access(in("noval.best"), F_OK), -1);
}

static void test_dry_run(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("dry/m.safetensors"), MORE("--dry-run"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "[Network G] unet_32, total number of parameters : "));
    assert_non_null(strstr(run.out, "Dry run: "));
    assert_non_null(strstr(run.out, "an epoch of 10 steps"));
    assert_int_equal(access(in("dry"), F_OK), -1);
}

static void test_profile(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("profile.safetensors"), MORE("--profile", "--n-epochs", "0"), 0);
    assert_done(&run);
    char *profile = strstr(run.out, "Profile of 20 steps, a step:\n");
    assert_non_null(profile);
    double parts = 0, sum = 0;
    for (char *line = strtok(strchr(profile, '\n') + 1, "\n"); line; line = strtok(NULL, "\n")) {
        double ms = atof(line + 14);
        if (strstr(line, " sum ") && strstr(line, "100.0 %"))
            sum = ms;
        else if (strstr(line, " ms "))
            parts += ms;
    }
    assert_true(sum > 0 && parts > 0.99 * sum - 0.05 && parts < 1.01 * sum + 0.05);
}

/* The bytes of a tensor in a checkpoint, which the caller closes. */
static const struct px_tensor *first_weight(struct px_checkpoint **checkpoint, const char *path)
{
    struct px_error err = {0};

    assert_int_equal(px_checkpoint_open(checkpoint, path, &err), 0);
    return px_checkpoint_tensor(*checkpoint, 0, PX_ROLE_WEIGHT);
}

static void test_init(void **state)
{
    struct run run;
    struct px_checkpoint *a, *b, *c;
    (void)state;

    train(&run, in("base.safetensors"), MORE("--save-epoch-freq", "2"), 0);
    assert_done(&run);
    assert_int_equal(access(in("base.epochs/base_002.safetensors"), F_OK), 0);
    assert_int_equal(access(in("base.epochs/base_003.safetensors"), F_OK), -1);
    assert_same_file(in("base.epochs/base_004.safetensors"), in("base.safetensors"));

    train(&run, in("tuned.safetensors"),
          MORE("--init", in("base.safetensors"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run); /* a rate of 0 leaves what it started from */
    const struct px_tensor *from = first_weight(&a, in("base.safetensors"));
    const struct px_tensor *to = first_weight(&b, in("tuned.safetensors"));
    assert_memory_equal(from->data, to->data, from->bytes);
    train(&run, in("other.safetensors"), MORE("--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_memory_not_equal(from->data, first_weight(&c, in("other.safetensors"))->data,
                            from->bytes);
    px_checkpoint_close(a);
    px_checkpoint_close(b);
    px_checkpoint_close(c);

    struct px_error err = {0}; /* the same from PyTorch's file */
    assert_int_equal(px_checkpoint_open(&a, in("base.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_save_pth(in("base.pth"), a, PX_F32, &err), 0);
    train(&run, in("torch.safetensors"),
          MORE("--init", in("base.pth"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run);
    from = px_checkpoint_tensor(a, 0, PX_ROLE_WEIGHT);
    assert_memory_equal(from->data, first_weight(&b, in("torch.safetensors"))->data, from->bytes);
    px_checkpoint_close(a);
    px_checkpoint_close(b);
    train(&run, in("wrong.safetensors"), MORE("--init", in("base.pth"), "--norm", "instance"), 0);
    assert_one_line(&run, 2, "base.pth: holds another network than the options describe");
    assert_non_null(strstr(run.err, "--norm batch"));
    train(&run, in("wrong.safetensors"), MORE("--init", in("data/val/000.png")), 0);
    assert_one_line(&run, 1, "000.png: ");

    train(&run, in("wrong.safetensors"), MORE("--init", in("base.safetensors"), "--ngf", "8"), 0);
    assert_one_line(&run, 2, "give --netG unet_32 --ngf 4 ");
    train(&run, in("wrong.safetensors"), MORE("--init", in("nowhere.safetensors")), 0);
    assert_one_line(&run, 1, "nowhere.safetensors");
}

static void test_threads(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("team.safetensors"), MORE("--n-epochs", "0"), 0);
    assert_done(&run);
    train(&run, in("team.safetensors"), MORE("--n-epochs", "0", "--continue-train"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "very same bytes"));
    train(&run, in("team.safetensors"),
          MORE("--n-epochs", "0", "--continue-train", "--threads", "2"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "with 1 threads, now it is 2"));
}

static void test_resume(void **state)
{
    struct run run;
    const char *const *options = MORE("--save-latest-freq", "3", "--n-epochs", "60");
    const char *const *again =
        MORE("--save-latest-freq", "7", "--n-epochs", "60", "--continue-train");
    (void)state;

    train(&run, in("straight.safetensors"), options, 0);
    assert_done(&run);

    start(&run, in("broken.safetensors"), options, 0);
    wait_for(in("broken.safetensors"));
    kill(run.pid, SIGINT);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    assert_int_equal(remove(in("broken.safetensors")), 0); /* a resume needs only the state */

    start(&run, in("broken.safetensors"), again, 0);
    wait_for(in("broken.safetensors"));
    kill(run.pid, SIGKILL); /* as a power loss */
    finish(&run);
    assert_int_equal(run.status, 1000 + SIGKILL);
    train(&run, in("broken.safetensors"), again, 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "Continuing after "));

    assert_same_file(in("straight.safetensors"), in("broken.safetensors"));
    assert_same_file(in("straight.state"), in("broken.state"));
    assert_same_file(in("straight.best/straight.safetensors"),
                     in("broken.best/broken.safetensors"));
    assert_same_file(in("straight.pictures/epoch_062.png"), in("broken.pictures/epoch_062.png"));
    assert_steps_once("straight.metrics.jsonl", 62);
    assert_steps_once("broken.metrics.jsonl", 62);
    assert_int_equal(access(in("broken.report.html"), F_OK), 0);

    assert_int_equal(remove(in("broken.safetensors")), 0);
    train(&run, in("broken.safetensors"), again, 0); /* complete: only the checkpoint comes back */
    assert_done(&run);
    assert_same_file(in("straight.safetensors"), in("broken.safetensors"));
}

static void test_bf16(void **state)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    const char *const *options =
        MORE("--save-latest-freq", "3", "--n-epochs", "60", "--dtype", "bf16");
    (void)state;

    if (!px_dnn_has_bf16()) {
        train(&run, in("half.safetensors"), options, 0);
        assert_one_line(&run, 2, "give --dtype f32");
        skip();
    }
    train(&run, in("half.safetensors"), options, 0);
    assert_done(&run);
    assert_true(last_L1(run.out) < 0.5 * first_L1(run.out));
    assert_int_equal(px_checkpoint_open(&checkpoint, in("half.safetensors"), &err), 0);
    assert_int_equal(checkpoint->dtype, PX_F32);
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "dtype"), "bf16");
    px_checkpoint_close(checkpoint);

    start(&run, in("other-half.safetensors"), options, 0);
    wait_for(in("other-half.safetensors"));
    kill(run.pid, SIGINT);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    train(&run, in("other-half.safetensors"), MORE("--n-epochs", "60", "--continue-train"), 0);
    assert_one_line(&run, 2, "began with dtype bf16, now it is (its default)");
    train(&run, in("other-half.safetensors"),
          MORE("--n-epochs", "60", "--continue-train", "--dtype", "bf16"), 0);
    assert_done(&run);
    assert_same_file(in("half.safetensors"), in("other-half.safetensors"));
    assert_same_file(in("half.state"), in("other-half.state"));
}

static void test_batches(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("batch.safetensors"),
          MORE("--batch-size", "4", "--direction", "BtoA", "--input-nc", "1", "--no-flip",
               "--no-dropout", "--seed", "9"),
          0);
    assert_done(&run);
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    assert_int_equal(px_checkpoint_open(&checkpoint, in("batch.safetensors"), &err), 0);
    assert_int_equal(checkpoint->network.input_nc, 1);
    assert_string_equal(checkpoint->network.direction, "BtoA");
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "steps"), "8"); /* 2 an epoch */
    px_checkpoint_close(checkpoint);

    train(&run, in("big.safetensors"), MORE("--batch-size", "11"), 0);
    assert_one_line(&run, 2, "--batch-size 11");

    train(&run, in("parts.safetensors"), MORE("--batch-size", "2", "--accumulate", "2"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("parts.safetensors"), &err), 0);
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "steps"), "8"); /* 2 an epoch */
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "accumulate"), "2");
    px_checkpoint_close(checkpoint);
    train(&run, in("big.safetensors"), MORE("--batch-size", "3", "--accumulate", "4"), 0);
    assert_one_line(&run, 2, "--accumulate 4");
}

/* The paper's ablations, each interrupted and continued. */
static void test_ablations(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    (void)state;

    train(&run, in("l1.safetensors"), MORE("--lambda-GAN", "0", "--print-freq", "10"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "[Network D]"));
    assert_non_null(strstr(run.out, "G_GAN: 0.000"));
    train(&run, in("l1.safetensors"), MORE("--continue-train"), 0);
    assert_one_line(&run, 2, "lambda-GAN 0, now it is (its default)");
    train(&run, in("l1.safetensors"), MORE("--lambda-GAN", "0", "--continue-train"), 0);
    assert_done(&run);

    train(&run, in("ed.safetensors"),
          MORE("--netG", "encoder_decoder_32", "--lambda-L1", "0", "--gan-mode", "lsgan",
               "--no-conditional-D", "--print-freq", "10"),
          0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "G_L1: 0.000"));
    assert_int_equal(px_checkpoint_open(&checkpoint, in("ed.safetensors"), &err), 0);
    assert_string_equal(checkpoint->network.architecture, "encoder_decoder_32");
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "gan_mode"), "lsgan");
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "no_conditional_D"), "true");
    px_checkpoint_close(checkpoint);
}

static void test_networks(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    (void)state;

    train(&run, in("in.safetensors"),
          MORE("--norm", "instance", "--netD", "pixel", "--init-type", "orthogonal", "--init-gain",
               "1", "--batch-size", "2"),
          0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("in.safetensors"), &err), 0);
    assert_int_equal(checkpoint->network.norm, PX_NORM_INSTANCE);
    px_checkpoint_close(checkpoint);
    train(&run, in("in.safetensors"), MORE("--batch-size", "2", "--continue-train"), 0);
    assert_one_line(&run, 2, "now it is (its default)");

    train(
        &run, in("no.safetensors"),
        MORE("--norm", "none", "--netD", "n_layers", "--n-layers-D", "2", "--init-type", "kaiming"),
        0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("no.safetensors"), &err), 0);
    assert_int_equal(checkpoint->network.norm, PX_NORM_NONE);
    px_checkpoint_close(checkpoint);
}

static void test_resnet(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    const char *const *options = MORE("--netG", "resnet_6blocks", "--norm", "instance",
                                      "--batch-size", "2", "--lr", "0.002", "--print-freq", "10");
    const char *const *again = MORE("--netG", "resnet_6blocks", "--norm", "instance",
                                    "--batch-size", "2", "--lr", "0.002", "--continue-train");
    (void)state;

    train(&run, in("res.safetensors"), options, 0);
    assert_done(&run);
    assert_true(last_L1(run.out) < 0.7 * first_L1(run.out));
    assert_int_equal(px_checkpoint_open(&checkpoint, in("res.safetensors"), &err), 0);
    assert_string_equal(checkpoint->network.architecture, "resnet_6blocks");
    assert_true(checkpoint->network.dropout);
    px_checkpoint_close(checkpoint);

    start(&run, in("res2.safetensors"), options, 0);
    wait_for(in("res2.safetensors"));
    kill(run.pid, SIGKILL);
    finish(&run);
    train(&run, in("res2.safetensors"), again, 0);
    assert_done(&run);
    assert_same_file(in("res.safetensors"), in("res2.safetensors"));
}

/* A rate of 0 never changes the generator, so nothing gets better: after 7 epochs the rate falls.
 * Interrupted on the way it ends the same. */
static void test_plateau(void **state)
{
    struct run run;
    const char *const *options =
        MORE("--lr-policy", "plateau", "--lr", "1e-7", "--n-epochs", "20", "--n-epochs-decay", "0");
    const char *const *again = MORE("--lr-policy", "plateau", "--lr", "1e-7", "--n-epochs", "20",
                                    "--n-epochs-decay", "0", "--continue-train");
    (void)state;

    train(&run, in("pl.safetensors"), options, 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "lr 0.0000001"));
    char *last = strstr(run.out, "End of epoch 20 / 20");
    assert_non_null(last);
    assert_non_null(strstr(last, "lr 0.0000000,"));
    start(&run, in("pl2.safetensors"), options, 0);
    wait_for(in("pl2.safetensors"));
    kill(run.pid, SIGKILL);
    finish(&run);
    train(&run, in("pl2.safetensors"), again, 0);
    assert_done(&run);
    assert_same_file(in("pl.safetensors"), in("pl2.safetensors"));
    assert_same_file(in("pl.state"), in("pl2.state"));
}

static void test_epoch_count(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    (void)state;

    train(&run, in("late.safetensors"), MORE("--epoch-count", "3"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "End of epoch 2 /"));
    assert_non_null(strstr(run.out, "End of epoch 3 / 4"));
    assert_non_null(strstr(run.out, "lr 0.0000000")); /* the last epoch's */
    assert_int_equal(px_checkpoint_open(&checkpoint, in("late.safetensors"), &err), 0);
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "epoch"), "4");
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "epoch_count"), "3");
    px_checkpoint_close(checkpoint);
    train(&run, in("late.safetensors"), MORE("--epoch-count", "3", "--continue-train"), 0);
    assert_done(&run);
    train(&run, in("late.safetensors"), MORE("--continue-train"), 0); /* the state knows */
    assert_done(&run);
}

/* As users of the reference go on: --continue_train --epoch_count N, to train longer too. */
static void test_next_epoch(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    const struct px_tensor *a, *b;
    struct px_checkpoint *one, *other;
    (void)state;

    train(&run, in("next0.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step"), 0);
    assert_done(&run);
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "2", "--n-epochs-decay", "0", "--lr-policy", "step"), 0);
    assert_done(&run);
    train(
        &run, in("next.safetensors"),
        MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step", "--continue-train"),
        0);
    assert_one_line(&run, 2, "--epoch-count with the next epoch's number");
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step",
               "--continue_train", "--epoch_count", "2"),
          0);
    assert_one_line(&run, 2, "has epoch 2 behind it: give 3, or leave it out");
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step", "--ngf", "8",
               "--continue_train", "--epoch_count", "3"),
          0);
    assert_one_line(&run, 2, "ngf 4, now it is 8");
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step",
               "--continue_train", "--epoch_count", "3"),
          0);
    assert_done(&run);
    a = first_weight(&one, in("next0.safetensors")); /* as if it had always been three epochs */
    b = first_weight(&other, in("next.safetensors"));
    assert_memory_equal(a->data, b->data, a->bytes);
    px_checkpoint_close(one);
    px_checkpoint_close(other);
    assert_steps_once("next.metrics.jsonl", 3);

    train(&run, in("next.safetensors"), /* jumps to epoch 6, with another policy */
          MORE("--n-epochs", "6", "--n-epochs-decay", "1", "--lr-policy", "plateau",
               "--continue-train", "--epoch-count", "6"),
          0);
    assert_done(&run);
    assert_null(strstr(run.out, "End of epoch 5 / 7"));
    assert_non_null(strstr(run.out, "End of epoch 6 / 7"));
    train(&run, in("next.safetensors"), /* the same again, or without the number */
          MORE("--n-epochs", "6", "--n-epochs-decay", "1", "--lr-policy", "plateau",
               "--continue-train"),
          0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("next.safetensors"), &err), 0);
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "epoch"), "7");
    assert_string_equal(px_safetensors_metadata(checkpoint->file, "epoch_count"), "6");
    px_checkpoint_close(checkpoint);
}

static void test_refuses(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("one.safetensors"), MORE("--n-epochs", "0", "--n-epochs-decay", "1"), 0);
    assert_done(&run);
    train(&run, in("one.safetensors"), MORE("--n-epochs", "0"), 0);
    assert_one_line(&run, 1, "one.state is there");
    train(&run, in("one.safetensors"), MORE("--n-epochs", "0", "--continue-train", "--ngf", "8"),
          0);
    assert_one_line(&run, 2, "ngf 4, now it is 8");
    train(&run, in("two.safetensors"), MORE("--continue-train"), 0);
    assert_one_line(&run, 1, "two.state");
    train(&run, "/proc/no.safetensors", MORE("--seed", "1"), 0);
    assert_one_line(&run, 1, "/proc/no");
    train(&run, in("two.safetensors"), MORE("--ngff", "1"), 0);
    assert_one_line(&run, 2, "ngff");
    train(&run, in("two.safetensors"), MORE("--data", in("nowhere")), 0);
    assert_one_line(&run, 1, "nowhere");
}

static void test_corrupt(void **state)
{
    struct run run;
    struct px_error err = {0};
    (void)state;

    make_data("bad", 2);
    assert_int_equal(px_file_save(in("bad/zz.png"), "\x89PNG\r\n\x1a\n", 8, &err), 0);
    train(&run, in("bad.safetensors"), MORE("--data", in("bad")), 0);
    assert_one_line(&run, 1, "bad/zz.png");
    assert_int_equal(access(in("bad.safetensors"), F_OK), -1);
    assert_int_equal(access(in("bad.state"), F_OK), -1);
}

static void test_full_disk(void **state)
{
    struct run run;
    char temporary[300];
    (void)state;

    train(&run, in("full.safetensors"), MORE("--n-epochs", "1", "--n-epochs-decay", "0"), 1000);
    assert_one_line(&run, 1, "full.best/full.safetensors");
    assert_int_equal(access(in("full.state"), F_OK), -1);
    assert_int_equal(access(in("full.safetensors"), F_OK), -1);
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", in("full.best/full.safetensors"),
             (long)run.pid);
    assert_int_equal(access(temporary, F_OK), -1);

    /* An earlier state and checkpoint stay as they are, and the training can go on afterwards. */
    train(&run, in("whole.safetensors"), MORE("--n-epochs", "60", "--seed", "2"), 0);
    assert_done(&run);
    start(&run, in("full.safetensors"),
          MORE("--n-epochs", "60", "--seed", "2", "--save-latest-freq", "1"), 0);
    wait_for(in("full.safetensors"));
    kill(run.pid, SIGTERM);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    struct px_error err = {0};
    uint8_t *before;
    size_t size;
    assert_int_equal(px_file_read(in("full.state"), 1 << 28, &before, &size, &err), 0);
    train(&run, in("full.safetensors"), MORE("--n-epochs", "60", "--seed", "2", "--continue-train"),
          1000);
    assert_one_line(&run, 1, "full.s");
    assert_same_bytes(in("full.state"), before, size);
    free(before);
    train(&run, in("full.safetensors"), MORE("--n-epochs", "60", "--seed", "2", "--continue-train"),
          0);
    assert_done(&run);
    assert_same_file(in("whole.safetensors"), in("full.safetensors"));
}

/* No option makes these small networks diverge within a test, so the state that is continued is
 * made to hold NaNs, in the last weights of the file. */
static void test_diverges(void **state)
{
    struct run run;
    struct px_error err = {0};
    uint8_t *data;
    size_t size;
    (void)state;

    start(&run, in("nan.safetensors"), MORE("--n-epochs", "300", "--save-latest-freq", "1"), 0);
    wait_for(in("nan.safetensors"));
    kill(run.pid, SIGTERM);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    assert_int_equal(px_file_read(in("nan.state"), 1 << 28, &data, &size, &err), 0);
    memset(data + size - 4, 0xff, 4);
    assert_int_equal(px_file_save(in("nan.state"), data, size, &err), 0);
    train(&run, in("nan.safetensors"), MORE("--n-epochs", "300", "--continue-train"), 0);
    assert_one_line(&run, 1, "diverged");
    assert_same_bytes(in("nan.state"), data, size);
    free(data);
}

static void test_says(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("x.safetensors"), MORE("--version"), 0);
    assert_done(&run);
    assert_string_equal(run.out, "pix2pix-train " PX_VERSION "\n");
    train(&run, in("x.safetensors"), MORE("--help"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "--lambda-L1"));
    assert_non_null(strstr(run.out, "--continue-train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("--version and --help answer", test_says),
        CHECK("L1 falls, and the checkpoint and the pictures are there", test_learns),
        CHECK("the generator with the lowest validation L1 is kept", test_best),
        CHECK("a dry run tells what is needed and writes nothing", test_dry_run),
        CHECK("the parts of the profile make up the whole", test_profile),
        CHECK("a training starts from a checkpoint of the same network", test_init),
        CHECK("another number of threads is told when a training goes on", test_threads),
        CHECK("interrupted, killed and resumed it ends in the same bytes", test_resume),
        CHECK("bf16 learns, resumes to the same bytes, and goes on only in bf16", test_bf16),
        CHECK("batches, directions and grey inputs train", test_batches),
        CHECK("the paper's ablations train and are continued", test_ablations),
        CHECK("norms, discriminators and initial weights can be chosen", test_networks),
        CHECK("a ResNet trains and is continued to the same bytes", test_resnet),
        CHECK("a plateau lowers the rate, also when continued", test_plateau),
        CHECK("a schedule can begin in its middle", test_epoch_count),
        CHECK("--continue-train with --epoch-count goes on there, also with another schedule",
              test_next_epoch),
        CHECK("what cannot be trained is refused in one line", test_refuses),
        CHECK("a corrupt picture is named before the first step", test_corrupt),
        CHECK("a full disk leaves the last good files and one line", test_full_disk),
        CHECK("a training that diverges says so", test_diverges),
    };
    /* In memory where that is possible: these runs save hundreds of times, each with a sync. */
    snprintf(folder, sizeof folder, "%s/px-train-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder) || !getenv("PX_BUILD"))
        return 1;
    make_data("data/train", 10);
    make_data("data/val", 5);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || failed;
}
