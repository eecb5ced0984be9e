#include "server/front/v2.h"

#include "server/front/probes.h"
#include "server/message/json_text.h"

static void answer_json(struct px_reply *reply, struct px_buffer *text)
{
    px_buffer_append_text(text, "\n");
    px_reply_text(reply, 200, "application/json", text);
}

void px_v2_server(struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};

    (void)server;
    px_buffer_append_text(&text, "{\"name\":\"pix2pixd\",\"version\":\"" PX_VERSION
                                 "\",\"extensions\":[\"binary_tensor_data\"]}");
    answer_json(reply, &text);
}

void px_v2_live(struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_probe_live(server, reply);
    if (reply->status != 200)
        return;
    px_buffer_append_text(&text, "{\"live\":true}");
    answer_json(reply, &text);
}

void px_v2_ready(struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_probe_ready(server, reply);
    if (reply->status != 200)
        return;
    px_buffer_append_text(&text, "{\"ready\":true}");
    answer_json(reply, &text);
}

/* A model, and what keeps it while it is looked at. */
struct found_model {
    const struct px_registry *registry;
    const struct px_registry_entry *entry; /* NULL: there is none, and the reply says so */
};

static struct found_model find_model(struct px_server *server, const char *model,
                                     struct px_reply *reply)
{
    struct found_model found = {.registry = px_models_take(server->models)};
    struct px_error err = {0};

    if (px_registry_find(found.registry, model, &found.entry, &err) < 0) {
        px_reply_problem(reply, &err);
        found.entry = NULL;
    }
    return found;
}

static void append_tensor(struct px_buffer *text, const char *list, const char *name, int channels)
{
    px_buffer_appendf(text,
                      ",\"%s\":[{\"name\":\"%s\",\"datatype\":\"UINT8\",\"shape\":[1,-1,-1,%d]}]",
                      list, name, channels);
}

void px_v2_model(struct px_server *server, const char *model, struct px_reply *reply)
{
    const struct found_model found = find_model(server, model, reply);
    struct px_buffer text = {0};

    if (found.entry) {
        const struct px_network *network = px_model_network(found.entry->model);
        px_buffer_append_text(&text, "{\"name\":");
        px_json_append_string(&text, found.entry->name);
        px_buffer_append_text(&text, ",\"versions\":[\"1\"],\"platform\":\"pix2pix_safetensors\"");
        append_tensor(&text, "inputs", "image", network->input_nc);
        append_tensor(&text, "outputs", "output", network->output_nc);
        px_buffer_append_text(&text, "}");
        answer_json(reply, &text);
    }
    px_registry_unref(found.registry);
}

void px_v2_model_ready(struct px_server *server, const char *model, struct px_reply *reply)
{
    const struct found_model found = find_model(server, model, reply);
    struct px_buffer text = {0};
    struct px_error err = {0};

    if (found.entry && px_entry_check_ready(found.entry, &err) < 0)
        px_reply_problem(reply, &err);
    else if (found.entry)
        px_probe_ready(server, reply);
    if (found.entry && reply->status == 200) {
        px_buffer_append_text(&text, "{\"name\":");
        px_json_append_string(&text, found.entry->name);
        px_buffer_append_text(&text, ",\"ready\":true}");
        answer_json(reply, &text);
    }
    px_registry_unref(found.registry);
}
