#include "trainer/report/tensorboard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/path.h"
#include "codecs/codec.h"
#include "model/formats/protobuf.h"
#include "trainer/report/parts/record.h"

struct px_tensorboard {
    char path[PX_PATH_MAX];
    int fd;
    const struct px_history *history;
    size_t losses, epochs; /* of the history that are written */
    bool has_data;         /* in this file */
};

/* Field numbers of tensorflow/core/util/event.proto and framework/summary.proto. */
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_LOG = 7 };
enum { LOG_STATUS = 1, LOG_START = 1 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_IMAGE = 4 };
enum { IMAGE_HEIGHT = 1, IMAGE_WIDTH = 2, IMAGE_COLOURS = 3, IMAGE_FILE = 4 };

struct scalar {
    const char *tag;
    double value;
};

struct event {
    double wall_time;
    int64_t step;
    const char *version; /* or NULL */
    bool starts;         /* drops what is there of this and later steps */
    const struct scalar *scalars;
    size_t count;
    const struct px_image *picture; /* with its file, or NULL */
    struct px_buffer file;
};

static void fill_scalar(struct px_protobuf *pb, const void *context)
{
    const struct scalar *scalar = context;

    px_protobuf_string(pb, VALUE_TAG, scalar->tag);
    px_protobuf_float(pb, VALUE_SIMPLE, (float)scalar->value);
}

static void fill_image(struct px_protobuf *pb, const void *context)
{
    const struct event *event = context;

    px_protobuf_integer(pb, IMAGE_HEIGHT, event->picture->height);
    px_protobuf_integer(pb, IMAGE_WIDTH, event->picture->width);
    px_protobuf_integer(pb, IMAGE_COLOURS, event->picture->channels);
    if (px_protobuf_bytes(pb, IMAGE_FILE, event->file.size))
        px_protobuf_raw(pb, event->file.data, event->file.size);
}

static void fill_picture(struct px_protobuf *pb, const void *context)
{
    px_protobuf_string(pb, VALUE_TAG, "pictures");
    px_protobuf_message(pb, VALUE_IMAGE, fill_image, context);
}

static void fill_summary(struct px_protobuf *pb, const void *context)
{
    const struct event *event = context;

    for (size_t i = 0; i < event->count; i++)
        px_protobuf_message(pb, SUMMARY_VALUE, fill_scalar, &event->scalars[i]);
    if (event->picture)
        px_protobuf_message(pb, SUMMARY_VALUE, fill_picture, event);
}

static void fill_log(struct px_protobuf *pb, const void *context)
{
    (void)context;
    px_protobuf_integer(pb, LOG_STATUS, LOG_START);
}

static void fill_event(struct px_protobuf *pb, const struct event *event)
{
    px_protobuf_double(pb, EVENT_WALL_TIME, event->wall_time);
    px_protobuf_integer(pb, EVENT_STEP, event->step);
    if (event->version)
        px_protobuf_string(pb, EVENT_VERSION, event->version);
    if (event->count > 0 || event->picture)
        px_protobuf_message(pb, EVENT_SUMMARY, fill_summary, event);
    if (event->starts)
        px_protobuf_message(pb, EVENT_LOG, fill_log, NULL);
}

static double wall_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int write_event(struct px_tensorboard *board, struct event *event, struct px_error *err)
{
    uint8_t edge[PX_RECORD_HEAD] = {0};
    struct px_buffer record = {0};
    struct px_protobuf pb;

    event->wall_time = wall_time();
    px_buffer_append(&record, edge, sizeof edge);
    px_protobuf_init_memory(&pb, &record, err);
    fill_event(&pb, event);
    int rc = px_protobuf_flush(&pb);
    if (!rc) {
        px_record_head(record.data, record.size - PX_RECORD_HEAD);
        px_record_tail(edge, record.data + PX_RECORD_HEAD, record.size - PX_RECORD_HEAD);
        if (!px_buffer_append(&record, edge, PX_RECORD_TAIL))
            rc = px_fail(err, PX_E_NOMEM, "no memory for an event of TensorBoard");
    }
    if (!rc && !px_write_all(board->fd, record.data, record.size))
        rc = px_fail(err, PX_E_IO, "%s: cannot write: %s", board->path, strerror(errno));
    px_buffer_clear(&record);
    board->has_data |= event->count > 0 || event->picture;
    return rc;
}

static int write_losses(struct px_tensorboard *board, const struct px_history_losses *losses,
                        struct px_error *err)
{
    const struct scalar scalars[] = {
        {"loss/G_GAN", losses->mean.G_GAN},
        {"loss/G_L1", losses->mean.G_L1},
        {"loss/D_real", losses->mean.D_real},
        {"loss/D_fake", losses->mean.D_fake},
        {"lr", losses->lr},
    };
    struct event event = {
        .step = losses->step, .scalars = scalars, .count = sizeof scalars / sizeof *scalars};

    return write_event(board, &event, err);
}

static int write_epoch(struct px_tensorboard *board, const struct px_history_epoch *epoch,
                       struct px_error *err)
{
    const struct scalar scalars[] = {
        {"val/L1", epoch->quality.l1},
        {"val/PSNR", epoch->quality.psnr},
        {"val/SSIM", epoch->quality.ssim},
    };
    struct event event = {
        .step = epoch->step, .scalars = scalars, .count = sizeof scalars / sizeof *scalars};

    return write_event(board, &event, err);
}

int px_tensorboard_follow(struct px_tensorboard *board, struct px_error *err)
{
    size_t losses_count, epochs_count;
    int rc = 0;

    if (!board)
        return 0;
    const struct px_history_losses *losses = px_history_all_losses(board->history, &losses_count);
    const struct px_history_epoch *epochs = px_history_all_epochs(board->history, &epochs_count);
    while (!rc && board->losses < losses_count)
        rc = write_losses(board, &losses[board->losses++], err);
    while (!rc && board->epochs < epochs_count)
        rc = write_epoch(board, &epochs[board->epochs++], err);
    return rc;
}

int px_tensorboard_add_picture(struct px_tensorboard *board, int64_t step,
                               const struct px_image *picture, struct px_error *err)
{
    static const struct px_encoding png = {.format = PX_FORMAT_PNG};
    struct event event = {.step = step, .picture = picture};

    if (!board)
        return 0;
    int rc = px_image_encode(picture, &png, &event.file, err);
    if (!rc)
        rc = write_event(board, &event, err);
    px_buffer_clear(&event.file);
    return rc;
}

/* Whether a folder has files of events. */
static int has_events(const char *folder, bool *has, struct px_error *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    *has = false;
    if (!dir)
        return px_fail(err, PX_E_IO, "%s: cannot list: %s", folder, strerror(errno));
    while ((entry = readdir(dir)) != NULL)
        *has |= strstr(entry->d_name, "tfevents") != NULL;
    closedir(dir);
    return 0;
}

static int open_file(struct px_tensorboard *board, const char *folder, struct px_error *err)
{
    char host[64] = "", name[160];

    if (gethostname(host, sizeof host - 1) != 0 || !host[0])
        strcpy(host, "localhost");
    snprintf(name, sizeof name, "events.out.tfevents.%010" PRId64 ".%s.%ld", (int64_t)time(NULL),
             host, (long)getpid());
    int rc = px_path_join(board->path, folder, name, err);
    if (rc)
        return rc;
    board->fd = open(board->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return board->fd < 0
               ? px_fail(err, PX_E_IO, "%s: cannot create: %s", board->path, strerror(errno))
               : 0;
}

static int begin(struct px_tensorboard *board, const char *folder, int64_t step,
                 struct px_error *err)
{
    struct event version = {.version = "brain.Event:2"};
    struct event mark = {.step = step + 1, .starts = true};
    bool has = false;
    int rc = px_make_folder(folder, err);

    if (!rc)
        rc = has_events(folder, &has, err);
    if (!rc && has && step == 0)
        rc = px_fail(err, PX_E_USAGE,
                     "--tensorboard: %s has the events of another training; give this one a folder "
                     "of its own",
                     folder);
    if (!rc)
        rc = open_file(board, folder, err);
    if (!rc)
        rc = write_event(board, &version, err);
    if (!rc && has)
        rc = write_event(board, &mark, err);
    if (rc)
        return rc;
    if (!has)
        return px_tensorboard_follow(board, err);
    px_history_all_losses(board->history, &board->losses);
    px_history_all_epochs(board->history, &board->epochs);
    return 0;
}

int px_tensorboard_open(struct px_tensorboard **out, const char *folder,
                        const struct px_history *history, int64_t step, struct px_error *err)
{
    struct px_tensorboard *board = calloc(1, sizeof *board);

    if (!board)
        return px_fail(err, PX_E_NOMEM, "no memory for the events of TensorBoard");
    board->fd = -1;
    board->history = history;
    int rc = begin(board, folder, step, err);
    if (rc) {
        px_tensorboard_close(board);
        return rc;
    }
    *out = board;
    return 0;
}

void px_tensorboard_close(struct px_tensorboard *board)
{
    if (!board)
        return;
    if (board->fd >= 0) {
        close(board->fd);
        if (!board->has_data)
            unlink(board->path);
    }
    free(board);
}
