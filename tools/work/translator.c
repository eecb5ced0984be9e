#include "tools/work/translator.h"

#include <string.h>

#include "base/cgroup.h"
#include "config/options.h"

int px_tool_load_translator(struct px_translator *translator, const char *path, enum px_dtype dtype,
                            enum px_norm_choice norm, struct px_error *err)
{
    int rc = px_model_load(&translator->model, path, dtype, err);

    if (rc == -PX_E_USAGE)
        px_error_prefix(err, path);
    if (rc)
        return rc; /* names the file */
    translator->norm = px_translate_norm(px_model_checkpoint(translator->model), norm);
    rc = px_network_check_pictures(px_model_network(translator->model), err);
    if (!rc)
        rc = px_model_check_norm(translator->model, translator->norm, err);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

size_t px_tool_plan_memory(void)
{
    uint64_t memory = px_cgroup_memory();

    return memory < UINT64_MAX ? (size_t)(memory / 2) : 0;
}

int px_tool_read_dropout(const char *text, bool *dropout, uint64_t *seed, struct px_error *err)
{
    *dropout = strcmp(text, "off") != 0;
    if (!*dropout || px_option_read_seed(text, seed))
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "--dropout: '%.80s' is neither off nor a seed from 0 to 18446744073709551615 "
                   "(command line)",
                   text);
}
