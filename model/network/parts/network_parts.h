#ifndef MODEL_NETWORK_PARTS_NETWORK_PARTS_H
#define MODEL_NETWORK_PARTS_NETWORK_PARTS_H

/* Private to the network files: each family of generators adds its layers to a network in which
 * everything else is set. The functions are in network_unet.c and network_resnet.c. */

#include "model/network/network.h"

void px_network_unet_layers(struct px_network *network, bool skips);
void px_network_resnet_layers(struct px_network *network, int blocks);

#endif
