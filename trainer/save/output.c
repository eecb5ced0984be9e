#include "trainer/save/output.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint/kept.h"

static int name_files(struct px_output *output, const char *out, struct px_error *err)
{
    const struct {
        char *to;
        const char *suffix;
    } beside[] = {
        {output->state, "state"},
        {output->best_folder, "best"},
        {output->epochs, "epochs"},
        {output->pictures, "pictures"},
        {output->lock, "lock"},
        {output->report, "report.html"},
        {output->loss_log, "loss_log.txt"},
        {output->metrics, "metrics.jsonl"},
    };
    const char *name = px_path_name(out);
    int stem = (int)(strlen(out) - strlen(".safetensors"));

    if (2 * strlen(out) + 64 > sizeof output->checkpoint) /* 64: for the longest of the suffixes */
        return px_fail(err, PX_E_USAGE, "--out %.200s...: the path is too long", out);
    snprintf(output->checkpoint, sizeof output->checkpoint, "%s", out);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        snprintf(beside[i].to, sizeof output->state, "%.*s.%s", stem, out, beside[i].suffix);
    snprintf(output->best, sizeof output->best, "%.*s.best/%s", stem, out, name);
    return 0;
}

/* Makes the folder that the files go to, if only that one is missing. */
static int make_parent(struct px_output *output, struct px_error *err)
{
    char folder[PX_PATH_MAX];
    int rc = px_path_folder(folder, output->checkpoint, err);

    return rc ? rc : px_path_make_folder(folder, &output->made_folder, err);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Refuses to write over what an earlier training left. */
static int check_new(const struct px_output *output, struct px_error *err)
{
    const char *const files[] = {output->state, output->checkpoint, output->best};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (is_there(files[i]))
            return px_fail(err, PX_E_IO,
                           "%s is there from an earlier training: %sremove it, or choose another "
                           "--out",
                           files[i], i == 0 ? "add --continue-train to go on with it, " : "");
    return 0;
}

static int check_old(const struct px_output *output, struct px_error *err)
{
    if (is_there(output->state))
        return 0;
    if (is_there(output->checkpoint))
        return px_fail(err, PX_E_NOT_FOUND,
                       "%s: not there, so the training cannot be continued: start one with --init "
                       "%s and another --out",
                       output->state, output->checkpoint);
    return px_fail(err, PX_E_NOT_FOUND,
                   "%s: not there, so there is nothing to continue: leave --continue-train out to "
                   "start",
                   output->state);
}

/* PATH.tmp-123, as px_file_open() names what is not complete yet; `name` NULL: of any file. */
static bool is_leftover(const char *entry, const char *name)
{
    const char *mark = strstr(entry, ".tmp-");

    if (!mark || mark[5] == 0 || strspn(mark + 5, "0123456789") != strlen(mark + 5))
        return false;
    return !name || (strlen(name) == (size_t)(mark - entry) &&
                     strncmp(entry, name, (size_t)(mark - entry)) == 0);
}

/* Removes what killed trainings left half written in a folder. While the lock is held no
 * other training writes to these files. */
static void clean(const char *folder, const char *name)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL)
        if (is_leftover(entry->d_name, name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

static void clean_all(const struct px_output *output)
{
    const char *const files[] = {output->checkpoint, output->state, output->report};
    const char *const folders[] = {output->best_folder, output->epochs, output->pictures};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char folder[PX_PATH_MAX];
        if (px_path_folder(folder, files[i], NULL) == 0)
            clean(folder, px_path_name(files[i]));
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        clean(folders[i], NULL);
}

/* Takes NAME.lock, which ends with the process, however that ends. A training that ends removes the
 * file, so the file that was locked must still be the one of that name. On file systems
 * without locks there is no protection. */
static int lock(struct px_output *output, struct px_error *err)
{
    for (;;) {
        struct stat mine, named;
        int fd = open(output->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return px_fail(err, PX_E_IO, "%s: cannot create: %s", output->lock, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(fd);
            return px_fail(
                err, PX_E_BUSY,
                "%s: another pix2pix-train writes to these files: wait for it, or choose "
                "another --out",
                output->lock);
        }
        if (fstat(fd, &mine) == 0 && stat(output->lock, &named) == 0 &&
            mine.st_ino == named.st_ino && mine.st_dev == named.st_dev) {
            output->lock_fd = fd + 1;
            return 0;
        }
        close(fd);
    }
}

void px_output_close(struct px_output *output)
{
    if (output->lock_fd == 0)
        return;
    unlink(output->lock);
    close(output->lock_fd - 1);
    output->lock_fd = 0;
}

int px_output_check(struct px_output *output, const char *out, bool resume, struct px_error *err)
{
    int rc = name_files(output, out, err);

    if (rc)
        return rc;
    return resume ? check_old(output, err) : check_new(output, err);
}

int px_output_open(struct px_output *output, const char *out, bool resume, struct px_error *err)
{
    struct px_file_writer probe;
    int rc = px_output_check(output, out, resume, err); /* before creating a folder for nothing */

    if (!rc)
        rc = make_parent(output, err);
    if (!rc)
        rc = lock(output, err);
    if (!rc)
        rc = px_output_check(output, out, resume, err); /* one that just ended left files */
    if (rc)
        return rc;
    clean_all(output);
    rc = px_file_open(&probe, output->state, err);
    if (!rc)
        px_file_abandon(&probe);
    return rc;
}

int px_output_picture(const struct px_output *output, int64_t epoch, char path[PX_PATH_MAX],
                      struct px_error *err)
{
    return px_path_format(path, err, "%s/epoch_%03" PRId64 ".png", output->pictures, epoch);
}

int px_output_epoch(const struct px_output *output, int64_t epoch, char path[PX_PATH_MAX],
                    struct px_error *err)
{
    return px_kept_path(path, output->checkpoint, epoch, ".safetensors", err);
}

int px_output_epoch_state(const struct px_output *output, int64_t epoch, char path[PX_PATH_MAX],
                          struct px_error *err)
{
    return px_kept_path(path, output->checkpoint, epoch, ".state", err);
}

/* The earliest kept state up to `last`, and how many there are; 0 if there is none. */
static int64_t earliest_state(const struct px_output *output, int64_t last, int64_t *count)
{
    DIR *dir = opendir(output->epochs);
    struct dirent *entry;
    int64_t earliest = 0;

    *count = 0;
    while (dir && (entry = readdir(dir)) != NULL) {
        int64_t epoch = px_kept_epoch(output->checkpoint, entry->d_name, ".state");
        if (epoch == 0 || epoch > last)
            continue;
        ++*count;
        if (earliest == 0 || epoch < earliest)
            earliest = epoch;
    }
    if (dir)
        closedir(dir);
    return earliest;
}

void px_output_thin_states(const struct px_output *output, int64_t last, int64_t keep)
{
    char path[PX_PATH_MAX];
    int64_t count, epoch = earliest_state(output, last, &count);

    assert(keep > 0);
    while (count > keep && px_output_epoch_state(output, epoch, path, NULL) == 0 &&
           unlink(path) == 0)
        epoch = earliest_state(output, last, &count);
}
