#include "trainer/together.h"

#include "base/random.h"
#include "trainer/settings/settings_text.h"

int px_together_done(struct px_ranks *ranks, int rc, struct px_error *err)
{
    int count = px_ranks_count(ranks), own = count - px_ranks_index(ranks);

    if (!ranks)
        return rc;
    int first = px_ranks_max(ranks, rc ? own : 0); /* rank 0 counts most */
    int code = px_ranks_max(ranks, first && first == own ? -rc : 0);
    if (first == 0 || first == own)
        return rc;
    *err = (struct px_error){.code = code};
    return -code;
}

static uint64_t mix_text(uint64_t print, const char *text)
{
    for (; *text; text++)
        print = px_mix64(print ^ (unsigned char)*text);
    return px_mix64(print);
}

static uint64_t print_of(const struct px_train_settings *settings)
{
    struct px_train_settings_text text;
    uint64_t print = 0;

    px_train_settings_describe(settings, &text);
    for (size_t i = 0; i < text.count; i++)
        print = mix_text(mix_text(print, text.entries[i].key), text.entries[i].value);
    return print ^ (uint64_t)settings->epoch_count << 32 ^ settings->continue_train;
}

int px_together_check(struct px_ranks *ranks, const struct px_train_settings *settings,
                      const struct px_pairs *pairs, struct px_error *err)
{
    int rc = 0;

    if (!px_ranks_same(ranks, print_of(settings)))
        rc = px_fail(err, PX_E_USAGE,
                     "the processes of this training were given different options: start all with "
                     "the same command");
    else if (!px_ranks_same(ranks, px_pairs_fingerprint(pairs)))
        rc =
            px_fail(err, PX_E_USAGE,
                    "the processes of this training see different pairs in --data %s: give all the "
                    "same files",
                    settings->data);
    return px_together_done(ranks, rc, err);
}

int px_together_check_layouts(struct px_ranks *ranks, uint64_t layouts, struct px_error *err)
{
    int rc = 0;

    if (!px_ranks_same(ranks, layouts))
        rc = px_fail(
            err, PX_E_UNSUPPORTED,
            "the processes of this training run on unlike CPUs, whose gradients oneDNN lays "
            "out in unlike ways: use machines with like CPUs, or set ONEDNN_MAX_CPU_ISA "
            "(such as AVX2) to what all of them have");
    return px_together_done(ranks, rc, err);
}
