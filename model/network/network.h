#ifndef MODEL_NETWORK_NETWORK_H
#define MODEL_NETWORK_NETWORK_H

/* A generator as a table of its layers, which loader, saver, planner, trainer and tests read. Plain
 * data that may be copied; no life cycle. The networks are those of
 * pytorch-CycleGAN-and-pix2pix (models/networks.py, UnetGenerator and ResnetGenerator), tensor
 * names exactly as in its state_dict, and Torch7's encoder_decoder: a UnetGenerator without its
 * skips. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum px_norm { PX_NORM_BATCH, PX_NORM_INSTANCE, PX_NORM_NONE };

/* What the norm layers of a trained generator normalise by. */
enum px_norm_mode {
    PX_TEST_BATCH,   /* statistics of the image at hand (the reference's test.py) */
    PX_TEST_RUNNING, /* stored running statistics (its --eval), folded into the weights */
};

enum {
    PX_MIN_DEPTH = 5,
    PX_MAX_DEPTH = 9,
    PX_MAX_BLOCKS = 32,                    /* of a ResNet */
    PX_MAX_LAYERS = 2 * PX_MAX_BLOCKS + 6, /* more than any U-Net has */
    PX_NAME_MAX = 96
};

/* A layer. Its input is the result of layer `skip` (if any) followed by that of the layer before,
 * by channels, through an activation: x < 0 ? slope * x : x. Its result is the convolution, then
 * the norm, then dropout, then the sum with the activated input of layer `residual` (if any). The
 * first layer's input is the picture, the last one's result goes through tanh.
 *
 * Convolutions are square. One that is not transposed pads its input with `pad` pixels on each side
 * and gives (size + 2 pad - kernel) / stride + 1; a transposed one gives
 * (size - 1) * stride - 2 pad + kernel + output_padding. */
struct px_layer {
    int in_channels; /* after concatenation */
    int out_channels;
    bool transposed; /* ConvTranspose2d; else Conv2d */
    int kernel, stride, pad;
    int output_padding; /* transposed only */
    bool reflect;       /* the pad mirrors the pixels beside the edge (ReflectionPad2d), else 0 */
    float slope;        /* of the input's activation: 1 none, 0.2 LeakyReLU, 0 ReLU */
    bool has_bias;
    bool has_norm;
    bool has_dropout;       /* p = 0.5, in training and, on request, at test */
    int skip;               /* layer index below this one's, or -1 */
    int residual;           /* layer index below this one's, or -1 */
    char conv[PX_NAME_MAX]; /* state_dict prefix: CONV.weight, CONV.bias */
    char norm[PX_NAME_MAX]; /* NORM.weight, .bias, .running_mean, .running_var; "" without norm */
};

struct px_network {
    char architecture[32]; /* as in px_network_options */
    int depth;             /* halvings: 8 for unet_256, 2 for a ResNet */
    int ngf;
    int input_nc, output_nc;
    enum px_norm norm;
    bool dropout;
    int crop_size;     /* training size in pixels: the square that fit=model scales to */
    char direction[8]; /* "AtoB" or "BtoA" */
    int layer_count;
    struct px_layer layers[PX_MAX_LAYERS];
};

/* What fixes a network; the rest of px_network follows from it. */
struct px_network_options {
    /* unet_32, unet_64 to unet_512 and encoder_decoder_32 to encoder_decoder_512: the size of the
     * picture that the innermost layer sees as one pixel; resnet_1blocks to resnet_32blocks. */
    const char *architecture;
    int ngf;
    int input_nc, output_nc;
    enum px_norm norm;
    bool dropout;
    int crop_size; /* 0: that of the name, 256 for a ResNet */
    const char *direction;
};

/* Fills *network. INVALID if a name is not one of the above or a number is out of range: ngf
 * 1-1024, channels 1-64, crop_size a multiple of 2^depth up to 8192. */
int px_network_make(struct px_network *network, const struct px_network_options *options,
                    struct px_error *err);

/* The depth of an architecture: 8 for "unet_256", 2 for "resnet_9blocks"; 0 for an unknown name. */
int px_network_depth_of(const char *architecture);

const char *px_norm_name(enum px_norm norm); /* "batch", "instance", "none" */

/* Height and width must be multiples of this: 2^depth. */
int px_network_multiple(const struct px_network *network);

/* The smallest height and width for which mirrored pads are smaller than what they mirror. */
int px_network_min_side(const struct px_network *network);

/* FORMAT if input or output have more channels than a picture can have: 4. */
int px_network_check_pictures(const struct px_network *network, struct px_error *err);

/* The height of a layer's result from that of its input, or the width; see struct px_layer. */
int px_layer_side(const struct px_layer *layer, int side);

/* One tensor of the state_dict that a network needs. */
enum px_tensor_role {
    PX_ROLE_WEIGHT,       /* [out,in,kernel,kernel], transposed [in,out,kernel,kernel] */
    PX_ROLE_BIAS,         /* [out] */
    PX_ROLE_GAMMA,        /* [out]: NORM.weight */
    PX_ROLE_BETA,         /* [out]: NORM.bias */
    PX_ROLE_RUNNING_MEAN, /* [out], buffer, optional in a file */
    PX_ROLE_RUNNING_VAR,  /* [out], buffer, optional in a file */
    PX_ROLE_BATCHES,      /* [] i64, buffer, optional in a file: NORM.num_batches_tracked */
    PX_ROLE_WEIGHT_SCALE, /* [out] f32: CONV.weight_scale, in int8 files only */
    PX_ROLE_INPUT_SCALE,  /* [in] f32: CONV.input_scale, in int8 files only */
};
enum { PX_ROLE_COUNT = PX_ROLE_INPUT_SCALE + 1 };

struct px_tensor_spec {
    char name[PX_NAME_MAX + 32];
    enum px_tensor_role role;
    int layer; /* index into layers */
    int ndim;
    int64_t shape[4];
};

/* The state_dict in PyTorch's order (with buffers if norm is batch). Returns the number of tensors;
 * writes at most `room` of them. unet_256 with batch norm: 82. */
size_t px_network_tensors(const struct px_network *network, struct px_tensor_spec *specs,
                          size_t room);

/* The additional tensors of an int8 file (model/checkpoint/quantise.h), two for each layer. Returns
 * and writes as above. */
size_t px_network_scales(const struct px_network *network, struct px_tensor_spec *specs,
                         size_t room);

/* Parameters (without buffers): 54,413,955 for unet_256 3->3 ngf 64 batch. */
size_t px_network_parameters(const struct px_network *network);

#endif
