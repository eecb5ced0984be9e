#ifndef MODEL_NETWORK_H
#define MODEL_NETWORK_H

/* What a generator is: one table that lists its layers, read by loader, saver, planner, trainer and
 * tests alike. Plain data: copy it, no life cycle. The networks are those of
 * pytorch-CycleGAN-and-pix2pix (models/networks.py, UnetGenerator), tensor names exactly as in its
 * state_dict. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum px_norm { PX_NORM_BATCH, PX_NORM_INSTANCE, PX_NORM_NONE };
enum px_layer_kind {
    PX_LAYER_DOWN, /* Conv2d 4x4 stride 2 pad 1; input LeakyReLU(0.2)'d except for the first */
    PX_LAYER_UP,   /* ConvTranspose2d 4x4 stride 2 pad 1; input ReLU'd */
};

enum { PX_MIN_DEPTH = 5, PX_MAX_DEPTH = 9, PX_MAX_LAYERS = 2 * PX_MAX_DEPTH, PX_NAME_MAX = 96 };

/* A layer: convolution, then norm, then dropout; its result is the next layer's input after that
 * layer's activation. A U-Net of depth L has layers 0..L-1 (down, outermost first) and L..2L-1 (up,
 * innermost first); the input of up layer i > L is the channels [skip, layer i-1]. */
struct px_layer {
    enum px_layer_kind kind;
    int in_channels; /* after concatenation */
    int out_channels;
    bool has_bias;
    bool has_norm;
    bool has_dropout; /* p = 0.5, in training and, where asked for, at test */
    int skip;         /* index of the down layer whose result comes first in the input; -1: none */
    char conv[PX_NAME_MAX]; /* state_dict prefix: CONV.weight, CONV.bias */
    char norm[PX_NAME_MAX]; /* NORM.weight, .bias, .running_mean, .running_var; "" without norm */
};

struct px_network {
    char architecture[32]; /* "unet_256", "unet_128", "unet_32"...: unet_ and 2^depth */
    int depth;             /* halvings: 8 for unet_256 */
    int ngf;
    int input_nc, output_nc;
    enum px_norm norm;
    bool dropout;
    int crop_size;     /* training size in pixels: the square that fit=model scales to */
    char direction[8]; /* "AtoB" or "BtoA" */
    int layer_count;
    struct px_layer layers[PX_MAX_LAYERS];
};

/* The numbers that fix a network; the rest of px_network follows from them. */
struct px_network_options {
    int depth;
    int ngf;
    int input_nc, output_nc;
    enum px_norm norm;
    bool dropout;
    int crop_size;
    const char *direction;
};

/* Fills *network. INVALID where a number is out of range: depth 5-9, ngf 1-1024, channels 1-64,
 * crop_size a multiple of 2^depth up to 8192. */
int px_network_unet(struct px_network *network, const struct px_network_options *options,
                    struct px_error *err);

/* The depth of "unet_256" (8), "unet_128" (7), "unet_32".."unet_512"; 0 for any other name. */
int px_network_depth_of(const char *architecture);

const char *px_norm_name(enum px_norm norm); /* "batch", "instance", "none" */

/* Height and width must be multiples of this: 2^depth. */
int px_network_multiple(const struct px_network *network);

/* One tensor of the state_dict that a network needs. */
enum px_tensor_role {
    PX_ROLE_WEIGHT,       /* [out,in,4,4] down, [in,out,4,4] up */
    PX_ROLE_BIAS,         /* [out] */
    PX_ROLE_GAMMA,        /* [out]: NORM.weight */
    PX_ROLE_BETA,         /* [out]: NORM.bias */
    PX_ROLE_RUNNING_MEAN, /* [out], buffer, optional in a file */
    PX_ROLE_RUNNING_VAR,  /* [out], buffer, optional in a file */
    PX_ROLE_BATCHES,      /* [] i64, buffer, optional in a file: NORM.num_batches_tracked */
};
enum { PX_ROLE_COUNT = PX_ROLE_BATCHES + 1 };

struct px_tensor_spec {
    char name[PX_NAME_MAX + 32];
    enum px_tensor_role role;
    int layer; /* index into layers */
    int ndim;
    int64_t shape[4];
};

/* The state_dict in PyTorch's order (buffers included where norm is batch). Returns the number of
 * tensors; writes at most `room` of them. unet_256 with batch norm: 82. */
size_t px_network_tensors(const struct px_network *network, struct px_tensor_spec *specs,
                          size_t room);

/* Parameters (without buffers): 54,413,955 for unet_256 3->3 ngf 64 batch. */
size_t px_network_parameters(const struct px_network *network);

#endif
