#include "trainer/settings/settings.h"

#define REPORT                                                                                     \
    "leave it out: NAME.report.html shows curves and pictures and is written every epoch, "        \
    "NAME.metrics.jsonl holds the numbers"
#define RESUME                                                                                     \
    "use --continue-train to go on from the last saved state, or --init FILE to start from a "     \
    "checkpoint"
#define TEST "a test option; see `pix2pix translate --help`"
#define CYCLE "leave it out: a CycleGAN option"

const struct px_option_foreign px_train_settings_foreign[] = {
    {"dataroot", "use --data DIR"},
    {"phase", "use --data DIR, whose train/ is trained on"},
    {"name|suffix|checkpoints-dir", "use --out DIR/NAME.safetensors"},
    {"model", "leave it out: it is always pix2pix"},
    {"dataset-mode", "leave it out: --data holds pairs, side by side or in two folders A and B"},
    {"gpu-ids|gpu", "leave it out: it trains on the CPU; --threads N says with how many threads"},
    {"load-iter", RESUME},
    {"which-epoch", "use --epoch N with --continue-train"},
    {"save-by-iter", "use --save-epoch-freq EPOCHS to keep generators along the way"},
    {"verbose", "use --dry-run to see networks, time and memory"},
    {"pool-size", "leave it out: pix2pix has no pool of pictures"},
    {"display-freq|display-ncols|display-id|display-server|display-env|display-port|"
     "display-winsize|display-single-pane-ncols|update-html-freq|no-html|use-wandb|"
     "wandb-project-name",
     REPORT},
    {"num-test|how-many|ntest|results-dir|aspect-ratio|eval", TEST},
    {"lambda-B|lambda-identity|identity", CYCLE},

    /* The reference's older names. */
    {"niter", "use --n-epochs N"},
    {"niter-decay", "use --n-epochs-decay N"},
    {"batchSize", "use --batch-size N"},
    {"loadSize", "use --load-size N"},
    {"fineSize", "use --crop-size N"},
    {"nThreads", "use --num-threads N"},
    {"resize-or-crop", "use --preprocess MODE"},
    {"which-direction", "use --direction AtoB|BtoA"},
    {"which-model-netG", "use --netG NAME"},
    {"which-model-netD", "use --netD basic|n_layers|pixel"},
    {"no-lsgan", "use --gan-mode vanilla, the default"},
    {"lambda-A", "use --lambda-L1 X"},
    {NULL, NULL},
};
