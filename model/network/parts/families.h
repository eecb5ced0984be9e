#ifndef MODEL_NETWORK_PARTS_FAMILIES_H
#define MODEL_NETWORK_PARTS_FAMILIES_H

/* Private to the network files: each family of generators lists its layers. Everything else in
 * *network is filled in already. */

#include "model/network/network.h"

void px_network_unet_layers(struct px_network *network, bool skips);
void px_network_resnet_layers(struct px_network *network, int blocks);

#endif
