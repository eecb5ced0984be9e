#ifndef TRAINER_REPORT_TENSORBOARD_H
#define TRAINER_REPORT_TENSORBOARD_H

/* A training as TensorBoard reads it (--tensorboard): one file of events for each start,
 * FOLDER/events.out.tfevents.SECONDS.HOST.PID, appended to event by event. By step: the scalars
 * loss/G_GAN, loss/G_L1, loss/D_real, loss/D_fake and lr whenever the history has a line of
 * losses, val/L1, val/PSNR, val/SSIM and the picture `pictures` (PNG) after every epoch.
 *
 * A resumed training begins its file with the mark that makes TensorBoard drop the later
 * steps of earlier files. If the folder has no events yet, the history so far comes first, without
 * its pictures. A file without data is removed at the end. One thread. */

#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"
#include "trainer/report/history.h"

struct px_tensorboard;

/* Makes the folder if need be; `history` is borrowed until px_tensorboard_close(), `step` is the
 * number of steps taken so far. USAGE if that is 0 and the folder has events; IO, NOMEM. */
int px_tensorboard_open(struct px_tensorboard **out, const char *folder,
                        const struct px_history *history, int64_t step, struct px_error *err);
void px_tensorboard_close(struct px_tensorboard *board); /* accepts NULL */

/* Writes what was added to the history since the last call. Accepts NULL and does nothing, as
 * does the next one. */
int px_tensorboard_follow(struct px_tensorboard *board, struct px_error *err);

int px_tensorboard_add_picture(struct px_tensorboard *board, int64_t step,
                               const struct px_image *picture, struct px_error *err);

#endif
