#include "tools/evaluate/epochs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint/kept.h"

static int not_kept(const char *model, int64_t epoch, struct px_error *err)
{
    static const char *const suffixes[] = {".safetensors", NULL};
    char folder[PX_PATH_MAX], kept[160] = "";
    char **names = NULL;
    size_t count = 0;

    if (px_kept_folder(folder, model, NULL) == 0)
        px_list_folder(folder, suffixes, &names, &count, NULL);
    for (size_t i = 0; i < count; i++) {
        int64_t number = px_kept_epoch(model, names[i], ".safetensors");
        size_t n = strlen(kept);

        if (number > 0 && n < sizeof kept - 24)
            snprintf(kept + n, sizeof kept - n, "%s%" PRId64, n ? ", " : "", number);
    }
    free(names);
    if (!*kept)
        return px_fail(err, PX_E_NOT_FOUND,
                       "--epoch %" PRId64 ": no epochs of %s were kept (pix2pix-train "
                       "--save-epoch-freq)",
                       epoch, model);
    return px_fail(err, PX_E_NOT_FOUND, "--epoch %" PRId64 ": of %s the epochs %s were kept", epoch,
                   model, kept);
}

static int add(struct px_epochs *epochs, const char *model, const char *item, struct px_error *err)
{
    char *path = epochs->paths[epochs->count], *end;
    long long epoch = strtoll(item, &end, 10);

    if (strcmp(item, "latest") == 0)
        return px_path_format(path, err, "%s", model);
    if (*item < '0' || *item > '9' || *end != '\0' || epoch < 1 || epoch > INT32_MAX)
        return px_fail(err, PX_E_USAGE,
                       "--epoch: '%s' is neither the number of an epoch nor 'latest'", item);
    int rc = px_kept_path(path, model, epoch, ".safetensors", err);
    return rc || access(path, F_OK) == 0 ? rc : not_kept(model, epoch, err);
}

int px_epochs_find(struct px_epochs *epochs, const char *model, const char *list,
                   struct px_error *err)
{
    epochs->count = 0;
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char item[24];
        size_t n = strcspn(at, ",");

        if (epochs->count == PX_EPOCHS_MAX)
            return px_fail(err, PX_E_USAGE,
                           "--epoch: more than %d epochs are too many for one table",
                           PX_EPOCHS_MAX);
        snprintf(item, sizeof item, "%.*s", (int)(n < sizeof item ? n : sizeof item), at);
        int rc = add(epochs, model, item, err);
        if (rc)
            return rc;
        for (size_t i = 0; i < epochs->count; i++)
            if (strcmp(epochs->paths[i], epochs->paths[epochs->count]) == 0)
                return px_fail(err, PX_E_USAGE, "--epoch: '%s' is there twice", item);
        epochs->count++;
    }
    return 0;
}
