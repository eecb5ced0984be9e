#include "tools/calibrate/calibrator.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "codecs/quality.h"
#include "model/engine/algorithm.h"
#include "model/int8/calibrate.h"
#include "model/int8/emulate.h"
#include "tools/calibrate/calibration_set.h"

struct px_calibrator {
    struct px_calibrator_options options;
    const struct px_checkpoint *checkpoint;
    struct px_calibration_set set;
};

int px_calibrator_create(struct px_calibrator **out, const struct px_checkpoint *checkpoint,
                         const struct px_calibrator_options *options, struct px_error *err)
{
    struct px_calibrator *calibrator = calloc(1, sizeof *calibrator);

    if (!calibrator)
        return px_fail(err, PX_E_NOMEM, "no memory to calibrate");
    calibrator->options = *options;
    calibrator->checkpoint = checkpoint;
    const struct px_calibration_source source = {.folder = options->folder,
                                                 .network = px_checkpoint_network(checkpoint),
                                                 .count = options->count,
                                                 .stop = options->stop};
    int rc = px_calibration_set_read(&calibrator->set, &source, err);
    if (rc) {
        px_calibrator_destroy(calibrator);
        return rc;
    }
    if (calibrator->set.pairs)
        fprintf(stderr, "%s: pairs A|B, of which %s takes the %s half\n", options->folder,
                px_checkpoint_network(checkpoint)->direction,
                px_checkpoint_network(checkpoint)->direction[0] == 'A' ? "left" : "right");
    *out = calibrator;
    return 0;
}

void px_calibrator_destroy(struct px_calibrator *calibrator)
{
    if (!calibrator)
        return;
    px_calibration_set_clear(&calibrator->set);
    free(calibrator);
}

/* One line, drawn over on a terminal; elsewhere one line per step. */
static int show(void *context, const char *step, int done, int count, struct px_error *err)
{
    enum { BAR_WIDTH = 24 };
    static const char full[] = "########################", none[] = "........................";
    const struct px_calibrator *calibrator = context;
    const int part = done * BAR_WIDTH / count;

    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rcalibrating: %-14s [%.*s%.*s] %d/%d \033[K%s", step, part, full,
                BAR_WIDTH - part, none, done, count, done == count ? "\r\033[K" : "");
    else if (done == count)
        fprintf(stderr, "calibrating: %s, %d picture%s\n", step, count, count == 1 ? "" : "s");
    int rc = px_stop_check(calibrator->options.stop, err);
    if (rc && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return rc;
}

static void print_choice(const struct px_network *network, const struct px_calibration *calibration)
{
    int chosen = 0;

    for (int layer = 0; layer < network->layer_count; layer++) {
        chosen += calibration->choice.input_scales[layer] != NULL;
        if (px_algorithm_has_int8(network, layer) && !calibration->choice.input_scales[layer])
            printf("stays bf16: %s, which alone brings the PSNR down to %.1f dB\n",
                   network->layers[layer].conv, calibration->alone[layer]);
    }
    printf("int8: %d of %d layers\n", chosen, network->layer_count);
}

int px_calibrator_quantise(struct px_calibrator *calibrator, struct px_checkpoint **out,
                           struct px_error *err)
{
    const struct px_calibration_options options = {
        .checkpoint = calibrator->checkpoint,
        .norm = calibrator->options.norm,
        .pictures = (const uint8_t *const *)calibrator->set.pictures,
        .count = calibrator->set.count,
        .height = calibrator->set.side,
        .width = calibrator->set.side,
        .min_psnr = calibrator->options.min_psnr,
        .progress = show,
        .context = calibrator};
    struct px_calibration calibration;
    int rc = px_calibrate(&calibration, &options, err);

    if (rc)
        return rc;
    rc = px_checkpoint_quantise(out, calibrator->checkpoint, &calibration.choice, err);
    if (!rc)
        print_choice(px_checkpoint_network(calibrator->checkpoint), &calibration);
    px_calibration_clear(&calibration);
    return rc;
}

/* Whose answers are compared: a model in an engine of its own, or an emulation. */
struct measured {
    struct px_model *model;
    struct px_engine *engine;
    struct px_emulation *emulation;
    const char *how; /* it was computed */
};

static void close_measured(struct measured *measured)
{
    px_engine_destroy(measured->engine);
    px_model_unref(measured->model);
    px_emulation_destroy(measured->emulation);
}

/* Takes ownership of the checkpoint, on failure too. */
static int open_model(struct measured *measured, struct px_checkpoint *checkpoint,
                      enum px_dtype dtype, struct px_error *err)
{
    const struct px_engine_options all = {.first_cpu = -1, .memory_limit = SIZE_MAX / 2};
    int rc = px_model_create(&measured->model, checkpoint, dtype, err);

    if (rc)
        px_checkpoint_close(checkpoint);
    return rc ? rc : px_engine_create(&measured->engine, &all, err);
}

/* The original, in f32. */
static int open_f32(struct measured *measured, const struct px_checkpoint *checkpoint,
                    struct px_error *err)
{
    const struct px_int8_choice none = {
        .others = px_checkpoint_dtype(checkpoint) == PX_BF16 ? PX_BF16 : PX_F32};
    struct px_checkpoint *copy;
    int rc = px_checkpoint_quantise(&copy, checkpoint, &none, err);

    return rc ? rc : open_model(measured, copy, PX_F32, err);
}

/* The file, in the type that its weights are stored in, if the CPU can. */
static int open_native(struct measured *measured, const char *path, struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_import(&checkpoint, path, NULL, err);

    if (rc)
        return rc;
    measured->how =
        px_checkpoint_dtype(checkpoint) == PX_S8 ? "computed in int8" : "computed in bf16";
    return open_model(measured, checkpoint, px_checkpoint_dtype(checkpoint), err);
}

/* The file, in f32. */
static int open_emulated(struct measured *measured, const char *path, struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_import(&checkpoint, path, NULL, err);

    if (rc)
        return rc;
    measured->how = px_checkpoint_dtype(checkpoint) == PX_S8
                        ? "emulated in f32, for this CPU has no int8"
                        : "weights in bf16, computed in f32, for this CPU has no bf16";
    rc = px_emulation_create(&measured->emulation, checkpoint, 0, err);
    if (rc)
        px_checkpoint_close(checkpoint);
    return rc;
}

static int answer(struct px_calibrator *calibrator, const struct measured *by, int picture,
                  struct px_image *out, struct px_error *err)
{
    const uint8_t *const in = calibrator->set.pictures[picture];
    const struct px_batch batch = {.n = 1,
                                   .height = calibrator->set.side,
                                   .width = calibrator->set.side,
                                   .norm = calibrator->options.norm,
                                   .in = &in,
                                   .out = &out->data};

    return by->model ? px_engine_run(by->engine, by->model, &batch, err)
                     : px_emulation_run(by->emulation, &batch, err);
}

/* Sums over pictures, and the worst of them. */
struct sums {
    struct px_quality sum, worst;
    int differ; /* pictures whose answers do; the others' PSNR is infinite and not in the sum */
};

static int compare(struct px_calibrator *calibrator, const struct measured by[2], int picture,
                   struct px_image images[2], struct sums *sums, struct px_error *err)
{
    struct px_quality quality;
    int rc = answer(calibrator, &by[0], picture, &images[0], err);

    if (!rc)
        rc = answer(calibrator, &by[1], picture, &images[1], err);
    if (!rc)
        rc = px_quality_compare(&images[1], &images[0], &quality, err);
    if (rc)
        return rc;
    if (isfinite(quality.psnr)) {
        sums->sum.psnr += quality.psnr;
        sums->differ++;
    }
    sums->sum.ssim += quality.ssim;
    sums->worst.psnr = fmin(sums->worst.psnr, quality.psnr);
    sums->worst.ssim = fmin(sums->worst.ssim, quality.ssim);
    return show(calibrator, "quality", picture + 1, calibrator->set.count, err);
}

/* by[0] is f32, by[1] the file. */
static int compare_all(struct px_calibrator *calibrator, const struct measured by[2],
                       struct px_error *err)
{
    const uint32_t side = (uint32_t)calibrator->set.side;
    const uint32_t channels = (uint32_t)px_checkpoint_network(calibrator->checkpoint)->output_nc;
    const int count = calibrator->set.count;
    struct px_image images[2] = {{0}, {0}};
    struct sums sums = {.worst = {.psnr = (double)INFINITY, .ssim = 1}};
    int rc = px_image_init(&images[0], side, side, channels, err);

    if (!rc)
        rc = px_image_init(&images[1], side, side, channels, err);
    for (int i = 0; !rc && i < count; i++)
        rc = compare(calibrator, by, i, images, &sums, err);
    if (!rc)
        printf("against f32 on %d picture%s of %ux%u: PSNR mean %.2f dB, worst %.2f dB; SSIM mean "
               "%.4f, worst %.4f (%s)\n",
               count, count == 1 ? "" : "s", side, side,
               sums.differ ? sums.sum.psnr / sums.differ : (double)INFINITY, sums.worst.psnr,
               sums.sum.ssim / count, sums.worst.ssim, by[1].how);
    px_image_clear(&images[0]);
    px_image_clear(&images[1]);
    return rc;
}

int px_calibrator_measure(struct px_calibrator *calibrator, const char *path, struct px_error *err)
{
    struct measured by[2] = {{0}, {0}};
    int rc = open_f32(&by[0], calibrator->checkpoint, err);

    if (!rc)
        rc = open_native(&by[1], path, err);
    if (rc == -PX_E_USAGE) /* the CPU cannot */
        rc = open_emulated(&by[1], path, err);
    if (!rc)
        rc = compare_all(calibrator, by, err);
    close_measured(&by[0]);
    close_measured(&by[1]);
    return rc;
}
