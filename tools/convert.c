/* pix2pix convert: another file format or stored type, the same network, metadata and card. */

#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "base/path.h"
#include "model/checkpoint/card.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/discriminator.h"
#include "model/checkpoint/onnx.h"
#include "tools/calibrate/calibrator.h"
#include "tools/verbs.h"
#include "tools/work/writable.h"

struct convert_settings {
    const char *key, *meta;
    int dtype;
    int norm;
    int direction, test_norm;
    int64_t crop_size;
    const char *calibrate;
    int64_t calibrate_count;
    double min_psnr;
    const struct px_stop *stop; /* not options */
    const struct px_card *card; /* NULL if OUT has no place for it */
};

enum { STORE_KEEP, STORE_F32, STORE_BF16, STORE_INT8 };
enum { NORM_DEFAULT, NORM_BATCH, NORM_RUNNING };

static const struct px_option rows[] = {
    {.name = "key",
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct convert_settings, key),
     .value = "NAME",
     .help =
         "Which generator to take from a file that holds several: the key of its dict, such as "
         "netG or state_dict/netG; by default the only one. Also names a discriminator, netD, or "
         "D in a NAME.state of pix2pix-train"},
    {.name = "test-norm",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct convert_settings, test_norm),
     .choices = "keep|batch|running",
     .help =
         "Statistics to normalise by unless a request chooses: the picture's own (batch, as the "
         "reference's test.py; the default for a .pth) or the running ones (its --eval)"},
    {.name = "direction",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct convert_settings, direction),
     .choices = "keep|AtoB|BtoA",
     .help =
         "Side of its training pairs that the network takes; a .pth does not record it, so keep "
         "means AtoB there"},
    {.name = "crop-size",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct convert_settings, crop_size),
     .max = 8192,
     .value = "N",
     .help =
         "Size of its training pictures; 0 keeps what the file says, which is 256 for a unet_256 "
         "in a .pth"},
    {.name = "meta",
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct convert_settings, meta),
     .value = "FILE",
     .help =
         "JSON file with title, description, input, palette, line_width, preferred and examples to "
         "write into OUT (see README.md); what it does not set is copied from IN and the .json "
         "beside it"},
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct convert_settings, dtype),
     .choices = "keep|f32|bf16|int8",
     .help = "Type to store convolution weights in; norms and biases stay as they are. int8 needs "
             "--calibrate and a safetensors file; layers that lose too much in int8, or have no "
             "int8 arithmetic, become bf16"},
    {.name = "calibrate",
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct convert_settings, calibrate),
     .value = "DIR",
     .help =
         "Folder of pictures like those that the network will see. They are scaled to its training "
         "size; int8 takes the ranges of its numbers from them, and int8 and bf16 are compared "
         "with f32 on them. If all are twice as wide as high, they are training pairs, and the "
         "network's input half is used. If DIR has no pictures, DIR/train is used"},
    {.name = "calibrate-count",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct convert_settings, calibrate_count),
     .fallback = "32",
     .min = 1,
     .max = 100000,
     .value = "N",
     .help = "Use at most N pictures, spread evenly over the sorted names"},
    {.name = "min-psnr",
     .type = PX_OPTION_NUMBER,
     .offset = offsetof(struct convert_settings, min_psnr),
     .fallback = "40",
     .min = 1,
     .max = 100,
     .value = "DB",
     .help = "PSNR that int8's answers must reach against f32's, as the mean of the pictures that "
             "differ; layers are left in bf16 until they do, the most harmful first"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct convert_settings, norm),
     .choices = "default|batch|running",
     .help =
         "Statistics that an .onnx file normalises by: each picture's own (batch, as the "
         "reference's test.py) or the running ones (its --eval). default: as the checkpoint says, "
         "else batch"},
};

static const struct px_option_table table = {
    .program = "pix2pix convert",
    .usage = "IN OUT.safetensors|OUT.pth|OUT.onnx [OPTIONS]",
    .description =
        "Converts a checkpoint to safetensors, with its metadata; to a state_dict for PyTorch,\n"
        "which pytorch-CycleGAN-and-pix2pix loads as latest_net_G.pth; or to an ONNX model\n"
        "(float32, any size of picture that the network takes). IN is a safetensors file or such\n"
        "a .pth; nothing in it is executed. The network is read from the tensors; what they do\n"
        "not show has the reference's default or is given here.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 2,
    .max_arguments = 2,
};

/* What makes a file a state of pix2pix-train, which a generator taken from it is not. */
static bool is_state_mark(const struct px_metadata *entry)
{
    static const char mark[] = "pix2pix-train state";

    return strcmp(entry->key, "format") == 0 && strncmp(entry->value, mark, sizeof mark - 1) == 0;
}

/* Fills `extra`, which has room for the list, a card and one more. `test_norm` replaces what the
 * list says, if it is not NULL; the card always does. */
static size_t extra_metadata(const struct px_tensor_list *list, const struct px_card *card,
                             const char *test_norm, struct px_metadata *extra)
{
    size_t count = 0, card_count;
    const struct px_metadata *entries = px_card_metadata(card, &card_count);

    for (size_t i = 0; i < list->metadata_count; i++)
        if (!px_checkpoint_network_key(list->metadata[i].key) &&
            !is_state_mark(&list->metadata[i]) && !px_card_has_key(list->metadata[i].key) &&
            (!test_norm || strcmp(list->metadata[i].key, "test_norm") != 0))
            extra[count++] = list->metadata[i];
    for (size_t i = 0; i < card_count; i++)
        extra[count++] = entries[i];
    if (test_norm)
        extra[count++] = (struct px_metadata){"test_norm", test_norm};
    return count;
}

static enum px_dtype stored_dtype(const struct convert_settings *settings)
{
    static const enum px_dtype dtypes[] = {PX_DTYPE_AUTO, PX_F32, PX_BF16,
                                           PX_DTYPE_AUTO /* int8: each as it is chosen */};

    return dtypes[settings->dtype];
}

static int save(const struct px_checkpoint *checkpoint, const char *path,
                const struct convert_settings *settings, struct px_error *err)
{
    static const char *const norms[] = {NULL, "batch", "running"};
    const struct px_tensor_list *list = px_checkpoint_list(checkpoint);
    struct px_metadata *extra = calloc(list->metadata_count + PX_CARD_KEYS + 1, sizeof *extra);

    if (!extra)
        return px_fail(err, PX_E_NOMEM, "no memory for a list of %zu metadata",
                       list->metadata_count);
    int rc =
        px_checkpoint_store(path, checkpoint, extra,
                            extra_metadata(list, settings->card, norms[settings->test_norm], extra),
                            stored_dtype(settings), err);
    free(extra);
    return rc;
}

enum format { SAFETENSORS, PTH, ONNX };

static enum format format_of(const char *path)
{
    if (px_path_has_suffix(path, ".onnx"))
        return ONNX;
    return px_path_has_suffix(path, ".pth") || px_path_has_suffix(path, ".pt") ? PTH : SAFETENSORS;
}

/* Refuses a name that leaves the format open; pipes and devices take safetensors. */
static int check_name(const char *path, struct px_error *err)
{
    struct stat status;

    if (format_of(path) != SAFETENSORS || px_path_has_suffix(path, ".safetensors") ||
        (stat(path, &status) == 0 && !S_ISREG(status.st_mode)))
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "%s: the name shows no format; end it in .safetensors, .pth or .onnx", path);
}

/* Refuses calibration without use, and int8 without it. */
static int check_calibration(const struct convert_settings *settings, enum format format,
                             struct px_error *err)
{
    if (settings->dtype == STORE_INT8 && format != SAFETENSORS)
        return px_fail(err, PX_E_USAGE,
                       "--dtype int8: only a safetensors file has a place for it; end the output "
                       "in .safetensors");
    if (settings->dtype == STORE_INT8 && !settings->calibrate)
        return px_fail(
            err, PX_E_USAGE,
            "--dtype int8: needs pictures to find its ranges with: give --calibrate DIR, "
            "a folder of some dozen inputs");
    if (settings->calibrate && settings->dtype != STORE_INT8 && settings->dtype != STORE_BF16)
        return px_fail(err, PX_E_USAGE,
                       "--calibrate: is for --dtype int8 or bf16; leave the option out");
    return 0;
}

/* Refuses options that would do nothing. */
static int check_settings(const struct convert_settings *settings, enum format format,
                          struct px_error *err)
{
    if (format == ONNX && settings->dtype == STORE_BF16)
        return px_fail(err, PX_E_USAGE,
                       "--dtype bf16: an ONNX model is written as f32; leave the option out");
    if (format != ONNX && settings->norm != NORM_DEFAULT)
        return px_fail(err, PX_E_USAGE,
                       "--norm: a checkpoint has no mode of norm, only an ONNX model does; leave "
                       "the option out or end the output in .onnx");
    if (format == PTH && (settings->direction || settings->crop_size || settings->test_norm))
        return px_fail(err, PX_E_USAGE,
                       "--direction, --crop-size, --test-norm: a state_dict has no place for them; "
                       "leave the options out");
    if (format == ONNX && settings->test_norm)
        return px_fail(err, PX_E_USAGE,
                       "--test-norm: an ONNX model knows one norm only, choose it with --norm");
    if (format != SAFETENSORS && settings->meta)
        return px_fail(err, PX_E_USAGE,
                       "--meta: only a safetensors file has a place for it; end the output in "
                       ".safetensors");
    return check_calibration(settings, format, err);
}

/* The norm that the answers are computed with: as chosen, else as the checkpoint says. */
static enum px_norm_mode norm_mode(int chosen, const struct px_checkpoint *checkpoint)
{
    if (chosen == NORM_DEFAULT)
        return px_checkpoint_test_norm(checkpoint);
    return chosen == NORM_RUNNING ? PX_TEST_RUNNING : PX_TEST_BATCH;
}

static int write_as(enum format format, const char *path, const struct px_checkpoint *checkpoint,
                    const struct convert_settings *settings, struct px_error *err)
{
    switch (format) {
    case ONNX:
        return px_onnx_save(path, checkpoint, norm_mode(settings->norm, checkpoint), err);
    case PTH:
        return px_checkpoint_save_pth(path, checkpoint, stored_dtype(settings), err);
    case SAFETENSORS:
        break;
    }
    return save(checkpoint, path, settings, err);
}

/* Opens IN and applies what the settings change. */
static int open_input(struct px_checkpoint **out, const char *path, enum format format,
                      const struct convert_settings *settings, struct px_error *err)
{
    static const char *const directions[] = {NULL, "AtoB", "BtoA"};
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_import(&checkpoint, path, settings->key, err);

    if (rc)
        return rc;
    if (px_checkpoint_notes(checkpoint)[0])
        fprintf(stderr, "%s: %s\n", path, px_checkpoint_notes(checkpoint));
    if (settings->dtype == STORE_INT8 && px_checkpoint_dtype(checkpoint) == PX_S8)
        rc = px_fail(err, PX_E_INVALID, "%s: is int8 already: convert what it was made from", path);
    if (!rc && !(format == SAFETENSORS && settings->dtype == STORE_KEEP))
        rc = px_checkpoint_dequantise(checkpoint, err);
    if (!rc)
        rc = px_checkpoint_set_training(checkpoint, (int)settings->crop_size,
                                        directions[settings->direction], err);
    if (!rc && settings->test_norm == NORM_RUNNING && !px_checkpoint_has_running(checkpoint))
        rc = px_fail(err, PX_E_INVALID, "%s: has no running statistics: leave --test-norm out",
                     path);
    if (rc)
        px_checkpoint_close(checkpoint);
    else
        *out = checkpoint;
    return rc;
}

/* Writes the discriminator of IN, if that is what is meant: the only network of the file, or the
 * one that --key names. *done is false if it holds none. */
static int convert_discriminator(const char *in, const char *path,
                                 const struct convert_settings *settings, bool *done,
                                 struct px_error *err)
{
    struct px_discriminator *discriminator;
    const enum format format = format_of(path);

    *done = px_discriminator_open(&discriminator, in, settings->key, NULL) == 0;
    if (!*done)
        return 0;
    int rc = 0;
    if (format == ONNX)
        rc = px_fail(err, PX_E_USAGE,
                     "%s: this is a discriminator, and only generators are exported", in);
    else if (settings->direction || settings->crop_size || settings->test_norm || settings->meta ||
             settings->calibrate || settings->dtype == STORE_INT8)
        rc = px_fail(err, PX_E_USAGE,
                     "%s: this is a discriminator: --direction, --crop-size, --test-norm, "
                     "--meta, --calibrate and --dtype int8 are for generators; leave them out",
                     in);
    else if (format == PTH)
        rc = px_discriminator_save_pth(path, discriminator, stored_dtype(settings), err);
    else
        rc = px_discriminator_save(path, discriminator, stored_dtype(settings), err);
    px_discriminator_close(discriminator);
    return rc;
}

/* Writes the checkpoint, with int8 layers where that is asked for, and measures what it wrote. */
static int write_calibrated(enum format format, const char *path,
                            const struct px_checkpoint *checkpoint,
                            const struct convert_settings *settings, struct px_error *err)
{
    const struct px_calibrator_options options = {.folder = settings->calibrate,
                                                  .count = (int)settings->calibrate_count,
                                                  .min_psnr = settings->min_psnr,
                                                  .stop = settings->stop,
                                                  .norm =
                                                      norm_mode(settings->test_norm, checkpoint)};
    struct px_calibrator *calibrator;
    struct px_checkpoint *quantised = NULL;
    int rc = px_tool_check_writable(path, err);

    if (!rc)
        rc = px_calibrator_create(&calibrator, checkpoint, &options, err);
    if (rc)
        return rc;
    if (settings->dtype == STORE_INT8)
        rc = px_calibrator_quantise(calibrator, &quantised, err);
    if (!rc)
        rc = write_as(format, path, quantised ? quantised : checkpoint, settings, err);
    if (!rc)
        rc = px_calibrator_measure(calibrator, path, err);
    px_checkpoint_close(quantised);
    px_calibrator_destroy(calibrator);
    return rc;
}

/* The card of OUT: that of IN, changed by --meta. */
static int read_card(struct px_card **out, const struct px_checkpoint *checkpoint, const char *path,
                     const struct convert_settings *settings, struct px_error *err)
{
    struct px_card *card;
    int rc = px_card_create(&card, err);

    if (rc)
        return rc;
    rc = px_card_add_model(card, checkpoint, path, err);
    if (!rc && settings->meta)
        rc = px_card_add_file(card, settings->meta, err);
    if (rc) {
        px_card_destroy(card);
        return rc;
    }
    if (px_card_notes(card)[0])
        fprintf(stderr, "%s: %s\n", path, px_card_notes(card));
    *out = card;
    return 0;
}

static int convert_generator(const struct px_checkpoint *checkpoint,
                             const struct px_options *options, struct convert_settings *settings,
                             struct px_error *err)
{
    const char *in = options->arguments[0], *path = options->arguments[1];
    const enum format format = format_of(path);
    struct px_card *card = NULL;
    int rc = format == SAFETENSORS ? read_card(&card, checkpoint, in, settings, err) : 0;

    settings->card = card;
    if (!rc)
        rc = settings->calibrate ? write_calibrated(format, path, checkpoint, settings, err)
                                 : write_as(format, path, checkpoint, settings, err);
    px_card_destroy(card);
    return rc;
}

int px_verb_convert(const struct px_verb_call *call, struct px_error *err)
{
    struct px_checkpoint *checkpoint = NULL;
    struct convert_settings settings;
    struct px_options options;
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (rc || options.topic)
        return rc;
    const char *path = options.arguments[1];
    const enum format format = format_of(path);
    settings.stop = call->stop;
    rc = check_name(path, err);
    if (!rc)
        rc = check_settings(&settings, format, err);
    if (!rc)
        rc = open_input(&checkpoint, options.arguments[0], format, &settings, err);
    bool is_discriminator = false;
    if (rc == -PX_E_FORMAT) {
        int other =
            convert_discriminator(options.arguments[0], path, &settings, &is_discriminator, err);
        rc = is_discriminator ? other : rc;
    }
    if (!rc && !is_discriminator)
        rc = convert_generator(checkpoint, &options, &settings, err);
    px_checkpoint_close(checkpoint);
    px_options_clear(&options);
    return rc;
}
