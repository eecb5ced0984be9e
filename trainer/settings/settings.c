#include "trainer/settings/settings.h"

#include <stdio.h>
#include <string.h>

#include "codecs/quality.h"
#include "model/dnn/cpu.h"
#include "trainer/nn/patchgan.h"

/* The rows' choices. */
enum { DTYPE_F32, DTYPE_BF16, DTYPE_AUTO };
enum { PAIRS_AUTO, PAIRS_HALVES };

#define AT(field) offsetof(struct px_train_settings, field)
#define NET_CHOICES                                                                                \
    "unet_256|unet_128|unet_64|unet_32|unet_512|resnet_9blocks|resnet_6blocks|encoder_decoder|"    \
    "encoder_decoder_128|encoder_decoder_64|encoder_decoder_32|encoder_decoder_512"

/* clang-format off */
static const struct px_option rows[] = {
    {.heading = "Files",
     .name = "data", .type = PX_OPTION_STRING, .offset = AT(data), .value = "DIR",
     .help = "Folder of PNG and JPEG pairs, in it and in folders below: pictures with A and B side "
             "by side, or two folders A and B with pictures of the same names. Trains on DIR/train "
             "and validates on DIR/val if they exist; trainA and trainB, train_A and train_B, or "
             "A/train and B/train do as well"},
    {.name = "out", .type = PX_OPTION_STRING, .offset = AT(out), .value = "FILE",
     .help = "The checkpoint to write, NAME.safetensors"},
    {.name = "continue-train", .type = PX_OPTION_FLAG, .offset = AT(continue_train),
     .help = "Continue from NAME.state, with the same options as before"},
    {.name = "init", .type = PX_OPTION_STRING, .offset = AT(init), .value = "FILE",
     .help = "Start from the generator of this checkpoint, .safetensors or PyTorch's .pth "
             "(fine-tuning); --continue-train does not need it again"},
    {.name = "init-D", .type = PX_OPTION_STRING, .offset = AT(init_D), .value = "FILE",
     .help = "Start from this discriminator too: latest_net_D.pth of the reference, or a NAME.state"},
    {.name = "dry-run", .type = PX_OPTION_FLAG, .offset = AT(dry_run),
     .help = "Check everything, take a few steps, estimate time and memory, and write nothing"},
    {.name = "profile", .type = PX_OPTION_FLAG, .offset = AT(profile),
     .help = "Show at the end where the time went"},
    {.name = "save-epoch-freq", .type = PX_OPTION_INT, .offset = AT(save_epoch_freq),
     .fallback = "5", .min = 0, .max = 1e6, .value = "EPOCHS",
     .help = "Keep the generator every EPOCHS epochs in NAME.epochs/; 0 keeps none"},
    {.name = "keep-states", .type = PX_OPTION_INT, .offset = AT(keep_states), .fallback = "0",
     .min = 0, .max = 1e6,
     .help = "Also keep the states of the last N of those epochs (three times a generator's size), "
             "for --continue-train --epoch"},
    {.name = "epoch", .type = PX_OPTION_INT, .offset = AT(epoch), .fallback = "0", .min = 0,
     .max = 1e6, .zero = "latest",
     .help = "With --continue-train: go back to this epoch, whose state was kept (--keep-states); 0 or "
             "latest continues from NAME.state"},
    {.name = "save-latest-freq", .type = PX_OPTION_INT, .offset = AT(save_latest_freq),
     .fallback = "5000", .min = 1, .max = 1e9, .value = "IMAGES",
     .help = "Also save every IMAGES images, not only after every epoch"},
    {.name = "print-freq", .type = PX_OPTION_INT, .offset = AT(print_freq),
     .fallback = "100", .min = 1, .max = 1e9, .value = "IMAGES",
     .help = "Print the losses every IMAGES images; a terminal shows them continuously"},
    {.name = "tensorboard", .type = PX_OPTION_STRING, .offset = AT(tensorboard), .value = "DIR",
     .help = "Also write losses, validation and pictures to DIR for TensorBoard. A continued "
             "training adds to them"},

    {.heading = "Description",
     .name = "title", .type = PX_OPTION_STRING, .offset = AT(title), .value = "TEXT",
     .help = "What the model does, in a few words (\"Houses from line drawings\"): pix2pixd's page "
             "shows it. These four options are stored in the checkpoint; what they leave out comes "
             "from the --init file"},
    {.name = "description", .type = PX_OPTION_STRING, .offset = AT(description), .value = "TEXT",
     .help = "A sentence or two on what to draw or open, shown below the title"},
    {.name = "input-kind", .type = PX_OPTION_CHOICE, .offset = AT(input_kind),
     .choices = "unset|lines|labels|photo", .value = "KIND",
     .help = "What the model takes: a drawing of lines, a map of labels, or a photo; the page offers "
             "the tools for it"},
    {.name = "meta", .type = PX_OPTION_STRING, .offset = AT(meta), .value = "FILE",
     .help = "JSON file with title, description, input, palette, line_width, preferred and "
             "examples (see README.md); the three options above win over it"},

    {.heading = "Data",
     .name = "pairs", .type = PX_OPTION_CHOICE, .offset = AT(pairs), .choices = "auto|halves",
     .help = "Where A and B are: auto goes by folders and shapes and refuses what is not clearly "
             "pairs; halves splits every picture down the middle"},
    {.name = "skip-broken", .type = PX_OPTION_FLAG, .offset = AT(skip_broken),
     .help = "Leave out pictures that cannot be read, instead of refusing to start"},
    {.name = "max-pixels", .type = PX_OPTION_INT, .offset = AT(max_pixels),
     .fallback = "500000000", .min = 1, .max = 4e9,
     .help = "Refuse picture files with more pixels than this"},
    {.name = "max-side", .type = PX_OPTION_INT, .offset = AT(max_side), .fallback = "65535",
     .min = 1, .max = 1e6, .help = "Refuse picture files with a longer side than this"},
    {.name = "direction", .type = PX_OPTION_CHOICE, .offset = AT(direction),
     .choices = "AtoB|BtoA", .help = "Translate A, the left half, into B, or B into A"},
    {.name = "load-size", .type = PX_OPTION_INT, .offset = AT(load_size), .fallback = "286",
     .min = 1, .max = 8192, .help = "Side of the square that pictures are scaled to (bicubic)"},
    {.name = "crop-size", .type = PX_OPTION_INT, .offset = AT(crop_size), .fallback = "256",
     .min = 1, .max = 8192, .help = "Side of the random crop to train on"},
    {.name = "preprocess", .type = PX_OPTION_CHOICE, .offset = AT(preprocess),
     .choices = "resize_and_crop|crop|scale_width|scale_width_and_crop|none", .value = "MODE",
     .help = "Scale pictures before the crop to a square of --load-size (resize_and_crop), not at all "
             "(crop), or to that width with their shape kept (scale_width_and_crop). scale_width and "
             "none do not crop: pairs are trained on at their own sizes, with --batch-size 1 if these "
             "differ, rounded to what --netG takes (the reference rounds to 4, or not at all)"},
    {.name = "no-flip", .type = PX_OPTION_FLAG, .offset = AT(no_flip),
     .help = "Never mirror pictures; otherwise each is mirrored with a chance of one in two"},
    {.name = "serial-batches", .type = PX_OPTION_FLAG, .offset = AT(serial_batches),
     .help = "Take pictures in the order of their names; otherwise in random order"},
    {.name = "num-threads", .type = PX_OPTION_INT, .offset = AT(num_threads), .fallback = "4",
     .min = 0, .max = 64,
     .help = "Threads that load pictures ahead of the steps if not all fit into memory; 0 means 1"},
    {.name = "max-dataset-size", .type = PX_OPTION_INT, .offset = AT(max_dataset_size),
     .fallback = "0", .min = 0, .max = 1e9,
     .zero = "inf", .help = "Use only the first N pictures by name; 0 or inf uses all"},
    {.name = "num-val", .type = PX_OPTION_INT, .offset = AT(num_val), .fallback = "50", .min = 0,
     .max = 1e9,
     .help = "Measure each epoch (L1, PSNR, SSIM) on the first N pairs of DIR/val by name; 0 uses all"},

    {.heading = "Networks",
     .name = "netG", .type = PX_OPTION_CHOICE, .offset = AT(netG), .choices = NET_CHOICES,
     .value = "NAME",
     .help = "The generator; encoder_decoder (for 256, like unet_256) is a U-Net without skips"},
    {.name = "netD", .type = PX_OPTION_CHOICE, .offset = AT(netD), .choices = "basic|n_layers|pixel",
     .help = "The discriminator: basic sees patches of 70x70 pixels, n_layers other sizes, pixel "
             "single pixels"},
    {.name = "n-layers-D", .type = PX_OPTION_INT, .offset = AT(n_layers_D), .fallback = "3",
     .min = 1, .max = PX_MAX_D_LAYERS,
     .help = "With --netD n_layers: patches of 16, 34, 70, 142, 286, 574 pixels"},
    {.name = "norm", .type = PX_OPTION_CHOICE, .offset = AT(norm),
     .choices = "batch|instance|none", .help = "Normalisation of both networks"},
    {.name = "ngf", .type = PX_OPTION_INT, .offset = AT(ngf), .fallback = "64", .min = 1,
     .max = 1024, .help = "Filters of the generator's outermost layer"},
    {.name = "ndf", .type = PX_OPTION_INT, .offset = AT(ndf), .fallback = "64", .min = 1,
     .max = 1024, .help = "Filters of the discriminator's first layer"},
    {.name = "input-nc", .type = PX_OPTION_INT, .offset = AT(input_nc), .fallback = "3", .min = 1,
     .max = 4, .help = "Channels of the input: 1 grey, 3 colour, 2 and 4 the same with alpha"},
    {.name = "output-nc", .type = PX_OPTION_INT, .offset = AT(output_nc), .fallback = "3",
     .min = 1, .max = 4, .help = "Channels of the output"},
    {.name = "no-dropout", .type = PX_OPTION_FLAG, .offset = AT(no_dropout),
     .help = "Train a generator without dropout"},
    {.name = "no-conditional-D", .type = PX_OPTION_FLAG, .offset = AT(no_conditional_D),
     .help = "Show the discriminator B alone, not A with B: the paper's ablation"},

    {.name = "init-type", .type = PX_OPTION_CHOICE, .offset = AT(init_type),
     .choices = "normal|xavier|kaiming|orthogonal", .help = "Distribution of the initial weights"},
    {.name = "init-gain", .type = PX_OPTION_NUMBER, .offset = AT(init_gain), .fallback = "0.02",
     .min = 0, .max = 100,
     .help = "Scale of the initial weights: deviation of normal, factor of xavier and orthogonal; "
             "kaiming has its own"},

    {.heading = "Training",
     .name = "n-epochs", .type = PX_OPTION_INT, .offset = AT(n_epochs), .fallback = "100",
     .min = 0, .max = 1e6, .help = "Epochs with the full learning rate"},
    {.name = "n-epochs-decay", .type = PX_OPTION_INT, .offset = AT(n_epochs_decay),
     .fallback = "100", .min = 0, .max = 1e6,
     .help = "Further epochs, over which the rate falls linearly towards 0"},
    {.name = "epoch-count", .type = PX_OPTION_INT, .offset = AT(epoch_count), .fallback = "1",
     .min = 1, .max = 1e6,
     .help = "Number of the first epoch, to begin in the middle of a schedule. --continue-train "
             "knows where it was. With it, a new number is that of the next epoch (the interrupted "
             "one, or a later one), and from there on --n-epochs, --n-epochs-decay, --lr and "
             "--lr-policy may be changed, to train longer"},
    {.name = "lr-policy", .type = PX_OPTION_CHOICE, .offset = AT(lr_policy),
     .choices = "linear|step|plateau|cosine",
     .help = "Fall of the rate: linear as above; step to a tenth every --lr-decay-iters epochs; "
             "plateau to a fifth when 6 epochs have not brought the validation L1 1 % below its "
             "best (the reference watches a constant); cosine to 0 in --n-epochs, and up again "
             "after them"},
    {.name = "lr-decay-iters", .type = PX_OPTION_INT, .offset = AT(lr_decay_iters),
     .fallback = "50", .min = 1, .max = 1e6, .value = "EPOCHS",
     .help = "With --lr-policy step: epochs between two falls, as in the reference, in spite of the "
             "name"},
    {.name = "batch-size", .type = PX_OPTION_INT, .offset = AT(batch_size), .fallback = "1",
     .min = 1, .max = 1024,
     .help = "Pictures per step; the last step of an epoch takes those that are left"},
    {.name = "accumulate", .type = PX_OPTION_INT, .offset = AT(accumulate), .fallback = "1",
     .min = 1, .max = 1024, .value = "BATCHES",
     .help = "Take the mean of the gradients of BATCHES batches in each step: like a larger "
             "--batch-size (except for batch norm) in the memory of one; G runs once more"},
    {.name = "lr", .type = PX_OPTION_NUMBER, .offset = AT(lr), .fallback = "0.0002", .min = 0,
     .max = 1, .help = "Learning rate of Adam"},
    {.name = "beta1", .type = PX_OPTION_NUMBER, .offset = AT(beta1), .fallback = "0.5", .min = 0,
     .max = 0.9999, .help = "Momentum of Adam"},
    {.name = "lambda-L1", .type = PX_OPTION_NUMBER, .offset = AT(lambda_L1), .fallback = "100",
     .min = 0, .max = 1e6, .help = "Weight of the L1 loss; 0 turns it off"},
    {.name = "lambda-GAN", .type = PX_OPTION_NUMBER, .offset = AT(lambda_GAN), .fallback = "1",
     .min = 0, .max = 1e6, .help = "Weight of the GAN loss; 0 turns it off, and the discriminator too"},
    {.name = "gan-mode", .type = PX_OPTION_CHOICE, .offset = AT(gan_mode),
     .choices = "vanilla|lsgan|wgangp",
     .help = "GAN loss: cross entropy, least squares, or Wasserstein, as in the reference without "
             "its gradient penalty (nothing bounds it: prefer the others)"},
    {.name = "seed", .type = PX_OPTION_SEED, .offset = AT(seed), .fallback = "0",
     .help = "Seed of weights, dropout, order and crops: the same seed, options, data and threads "
             "give the same checkpoint, byte for byte"},
    {.name = "threads", .type = PX_OPTION_INT, .offset = AT(threads), .fallback = "0", .min = 0,
     .max = 1024, .help = "Threads that compute; 0 starts one per CPU"},
    {.name = "dtype", .type = PX_OPTION_CHOICE, .offset = AT(dtype), .choices = "f32|bf16|auto",
     .help = "Type that convolutions read and write: bf16 halves their time on CPUs with AMX, and "
             "AMD's with AVX-512 bf16, and follows the losses of f32; weights, sums, statistics and "
             "Adam stay f32. auto: bf16 on those CPUs"},
};
/* clang-format on */

const struct px_option_table px_train_settings_table = {
    .program = "pix2pix-train",
    .summary = "train pix2pix models from pairs of pictures",
    .usage = "--data DIR --out NAME.safetensors [OPTIONS]",
    .description =
        "Trains pix2pix (Isola et al. 2017) on pairs of pictures and writes a checkpoint that\n"
        "pix2pixd and pix2pix serve. Options are named as in pytorch-CycleGAN-and-pix2pix; others\n"
        "of its options (--dataroot, --gpu_ids) are rejected with a hint at the replacement.\n"
        "\n"
        "NAME.safetensors is always the latest complete generator, NAME.best/NAME.safetensors the\n"
        "one with the lowest L1 on DIR/val. NAME.report.html shows curves and pictures in a\n"
        "browser; NAME.pictures/, NAME.metrics.jsonl and NAME.loss_log.txt hold what it shows.\n"
        "NAME.state holds all that --continue-train needs; Ctrl-C (SIGTERM, SIGUSR1) saves and "
        "leaves,\n"
        "a second Ctrl-C leaves at once. Checkpoints of an earlier training are never "
        "overwritten:\n"
        "continue it, remove them or choose another name.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .foreign = px_train_settings_foreign,
};

/* The architecture that --netG names. */
static void architecture_of(const struct px_train_settings *s, char *out, size_t room)
{
    const char *name = NET_CHOICES;

    for (int i = 0; i < s->netG; i++)
        name = strchr(name, '|') + 1;
    snprintf(out, room, "%.*s", (int)strcspn(name, "|"), name);
    if (strcmp(out, "encoder_decoder") == 0)
        snprintf(out, room, "encoder_decoder_256");
}

int px_train_settings_network(const struct px_train_settings *s, struct px_network *network,
                              struct px_error *err)
{
    char name[32];

    architecture_of(s, name, sizeof name);
    struct px_network_options options = {
        .architecture = name,
        .ngf = (int)s->ngf,
        .input_nc = (int)s->input_nc,
        .output_nc = (int)s->output_nc,
        .norm = (enum px_norm)s->norm,
        .dropout = !s->no_dropout,
        .crop_size = (int)s->crop_size,
        .direction = px_train_settings_b_to_a(s) ? "BtoA" : "AtoB",
    };
    return px_network_make(network, &options, err);
}

int px_train_settings_n_layers_D(const struct px_train_settings *s)
{
    return s->netD == 2 ? 0 : s->netD == 1 ? (int)s->n_layers_D : 3;
}

enum px_dtype px_train_settings_dtype(const struct px_train_settings *s)
{
    bool fast = s->dtype == DTYPE_AUTO && px_cpu_is_fast_in_bf16();

    return s->dtype == DTYPE_BF16 || fast ? PX_BF16 : PX_F32;
}

bool px_train_settings_bf16_helps(const struct px_train_settings *s)
{
    return px_train_settings_dtype(s) == PX_F32 && px_cpu_is_fast_in_bf16();
}

int px_train_settings_least_D(const struct px_train_settings *s)
{
    int n = px_train_settings_n_layers_D(s);

    return s->lambda_GAN > 0 && n > 0 ? 3 << n : 1; /* px_patchgan_map() */
}

int64_t px_train_settings_pictures(const struct px_train_settings *s)
{
    return s->batch_size * s->accumulate;
}

bool px_train_settings_halves(const struct px_train_settings *settings)
{
    return settings->pairs == PAIRS_HALVES;
}

bool px_train_settings_b_to_a(const struct px_train_settings *settings)
{
    return settings->direction == 1;
}

void px_train_settings_preprocess(const struct px_train_settings *s,
                                  const struct px_network *network,
                                  struct px_preprocess *preprocess)
{
    uint32_t multiple = (uint32_t)px_network_multiple(network), least = PX_QUALITY_MIN_SIDE;
    uint32_t of_G = (uint32_t)px_network_min_side(network);
    uint32_t of_D = (uint32_t)px_train_settings_least_D(s);

    least = least > of_G ? least : of_G;
    least = least > of_D ? least : of_D;
    *preprocess = (struct px_preprocess){.mode = (enum px_preprocess_mode)s->preprocess,
                                         .load = (uint32_t)s->load_size,
                                         .crop = (uint32_t)s->crop_size,
                                         .multiple = multiple,
                                         .least = (least + multiple - 1) / multiple * multiple};
}
