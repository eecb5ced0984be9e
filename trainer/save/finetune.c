#include "trainer/save/finetune.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/checkpoint/checkpoint.h"

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

int px_finetune_load(struct px_gan *gan, const struct px_network *network, const char *path,
                     struct px_error *err)
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
