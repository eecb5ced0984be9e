#include "trainer/save/finetune.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/discriminator.h"

static int check_network(const struct px_network *theirs, const struct px_network *ours,
                         const char *path, struct px_error *err)
{
    if (strcmp(theirs->architecture, ours->architecture) == 0 && theirs->ngf == ours->ngf &&
        theirs->input_nc == ours->input_nc && theirs->output_nc == ours->output_nc &&
        theirs->norm == ours->norm)
        return 0;
    bool usual = strcmp(theirs->architecture, "encoder_decoder_256") == 0; /* without a number */
    return px_fail(err, PX_E_USAGE,
                   "--init %s: holds another network than the options describe: give --netG %s "
                   "--ngf %d --input-nc %d --output-nc %d --norm %s",
                   path, usual ? "encoder_decoder" : theirs->architecture, theirs->ngf,
                   theirs->input_nc, theirs->output_nc, px_norm_name(theirs->norm));
}

/* The gan's own tensor of that name, to be written to; NULL if it has none. */
static float *find_values(const struct px_gan *gan, const char *name)
{
    const struct px_tensor *tensors;
    size_t count = px_gan_generator_tensors(gan, &tensors);

    for (size_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0 && tensors[i].dtype == PX_F32)
            return (float *)(uintptr_t)tensors[i].data;
    return NULL;
}

/* Fills `card` from that of the checkpoint. */
static int fill_card(struct px_card *card, const struct px_checkpoint *checkpoint, const char *path,
                     struct px_error *err)
{
    struct px_card *theirs;
    int rc = px_card_create(&theirs, err);

    if (rc)
        return rc;
    rc = px_card_add_model(theirs, checkpoint, path, err);
    if (!rc && px_card_notes(theirs)[0])
        fprintf(stderr, "--init %s: %s\n", path, px_card_notes(theirs));
    if (!rc)
        rc = px_card_fill(card, theirs, err);
    px_card_destroy(theirs);
    return rc;
}

int px_finetune_load(struct px_gan *gan, const struct px_network *network, const char *path,
                     struct px_card *card, struct px_error *err)
{
    static const size_t room = PX_MAX_LAYERS * PX_ROLE_COUNT;
    struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_import(&checkpoint, path, NULL, err);

    if (rc)
        return rc;
    if (px_checkpoint_notes(checkpoint)[0])
        fprintf(stderr, "--init %s: %s\n", path, px_checkpoint_notes(checkpoint));
    rc = check_network(px_checkpoint_network(checkpoint), network, path, err);
    if (!rc)
        rc = px_checkpoint_dequantise(checkpoint, err);
    if (!rc)
        rc = fill_card(card, checkpoint, path, err);
    size_t count = rc ? 0 : px_network_tensors(network, specs, room);
    for (size_t i = 0; i < count; i++) {
        const struct px_tensor *from =
            px_checkpoint_tensor(checkpoint, specs[i].layer, specs[i].role);
        float *to = find_values(gan, specs[i].name);
        if (from && to)
            px_tensor_to_f32(from, to);
    }
    px_checkpoint_close(checkpoint);
    return rc;
}

static bool is_part_of_D(const struct px_tensor *tensor)
{
    return strncmp(tensor->name, "D.", 2) == 0 && strncmp(tensor->name, "D.adam_", 7) != 0 &&
           tensor->dtype == PX_F32;
}

/* The file's tensor for one of the gan's, of the same shape. */
static int find_part(const struct px_tensor **out, const struct px_tensor_list *list,
                     const struct px_tensor *mine, const char *path, struct px_error *err)
{
    const struct px_tensor *theirs = px_tensor_find(list, mine->name + 2);

    if (theirs && theirs->ndim == mine->ndim &&
        memcmp(theirs->shape, mine->shape, (size_t)mine->ndim * sizeof *mine->shape) == 0) {
        *out = theirs;
        return 0;
    }
    return px_fail(
        err, PX_E_USAGE,
        "--init-D %s: holds another discriminator than the options describe (%s %s): give "
        "the --netD, --n-layers-D, --ndf, --norm and channels that it was trained with",
        path, mine->name + 2, theirs ? "has another shape" : "is missing");
}

int px_finetune_load_D(struct px_gan *gan, const char *path, struct px_error *err)
{
    const struct px_tensor *tensors;
    const struct px_tensor *from = NULL;
    struct px_discriminator *discriminator;
    const size_t count = px_gan_tensors(gan, &tensors);
    size_t expected = 0, present = 0;
    int rc = px_discriminator_open(&discriminator, path, NULL, err);

    if (rc)
        return rc;
    const struct px_tensor_list *list = px_discriminator_list(discriminator);
    for (size_t i = 0; !rc && i < count; i++)
        if (is_part_of_D(&tensors[i])) {
            rc = find_part(&from, list, &tensors[i], path, err);
            expected++;
        }
    if (!rc && expected == 0)
        rc = px_fail(err, PX_E_USAGE,
                     "--init-D %s: with --lambda-GAN 0 there is no discriminator; leave it out",
                     path);
    for (size_t i = 0; i < list->count; i++)
        present += list->tensors[i].dtype != PX_I64; /* num_batches_tracked */
    if (!rc && present != expected)
        rc = px_fail(
            err, PX_E_USAGE,
            "--init-D %s: holds another discriminator than the options describe: it has %zu "
            "tensors, not %zu; give the --netD, --n-layers-D and --norm that it was trained "
            "with",
            path, present, expected);
    for (size_t i = 0; !rc && i < count; i++)
        if (is_part_of_D(&tensors[i]) && find_part(&from, list, &tensors[i], path, err) == 0)
            px_tensor_to_f32(from, (float *)(uintptr_t)tensors[i].data);
    px_discriminator_close(discriminator);
    return rc;
}
