/* pix2pix inspect: describes a checkpoint, for people and as JSON. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/utf8.h"
#include "model/checkpoint/card.h"
#include "model/checkpoint/checkpoint.h"
#include "tools/verbs.h"

struct inspect_settings {
    const char *key;
    bool tensors, json;
};

static const struct px_option rows[] = {
    {.name = "key",
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct inspect_settings, key),
     .value = "NAME",
     .help = "Which generator to describe in a file that holds several: the key of its dict, such "
             "as netG; by default the only one"},
    {.name = "tensors",
     .type = PX_OPTION_FLAG,
     .offset = offsetof(struct inspect_settings, tensors),
     .help = "List the tensors too, even those of a file that holds no generator"},
    {.name = "json",
     .type = PX_OPTION_FLAG,
     .offset = offsetof(struct inspect_settings, json),
     .help = "Print a JSON object, one for each FILE"},
};

static const struct px_option_table table = {
    .program = "pix2pix inspect",
    .usage = "FILE... [--tensors] [--json]",
    .description =
        "Describes a checkpoint: network, sizes, stored type (of each layer if some are int8),\n"
        "title and other things for people (also from the .json beside it), training options.\n"
        "FILE is a safetensors file or one that PyTorch saved (.pth); nothing in it is executed.\n"
        "Of several, those that cannot be read are named and left out; the exit status is then 1.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 1,
    .max_arguments = -1,
};

/* What is said about a file, worked out once for both forms. */
struct file_facts {
    const char *path;
    const struct px_checkpoint *checkpoint;
    const struct px_card *card;
    size_t parameters;
    size_t bytes; /* of all tensors */
};

/* Metadata that the lines of the network and the card do not already say. */
static bool is_training_key(const char *key)
{
    return !px_checkpoint_network_key(key) && !px_card_has_key(key) && strcmp(key, "format") != 0 &&
           strcmp(key, "test_norm") != 0;
}

/* 54413955 -> "54,413,955" */
static const char *grouped(size_t n, char text[static 32])
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%zu", n);
    char *to = text;

    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return text;
}

/* Text from the file, which must not move the terminal's cursor. */
static void print_clean(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_shape(const struct px_tensor *tensor)
{
    for (int i = 0; i < tensor->ndim; i++)
        printf("%s%" PRId64, i ? "x" : "", tensor->shape[i]);
}

static void print_tensors(const struct px_tensor_list *list)
{
    printf("tensors\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct px_tensor *tensor = &list->tensors[i];
        size_t length = strlen(tensor->name);
        printf("  ");
        print_clean(tensor->name);
        printf("%*s%-4s ", length < 72 ? 73 - (int)length : 1, "", px_dtype_name(tensor->dtype));
        print_shape(tensor);
        putchar('\n');
    }
}

static void print_training(const struct px_tensor_list *list)
{
    bool any = false;

    for (size_t i = 0; i < list->metadata_count; i++) {
        struct px_metadata entry = list->metadata[i];
        if (!is_training_key(entry.key))
            continue;
        if (!any)
            printf("training\n");
        any = true;
        printf("  ");
        print_clean(entry.key);
        printf("%*s", strlen(entry.key) < 15 ? 16 - (int)strlen(entry.key) : 1, "");
        print_clean(entry.value);
        putchar('\n');
    }
}

static void print_palette(const json_t *palette)
{
    for (size_t i = 0; i < json_array_size(palette); i++) {
        const json_t *entry = json_array_get(palette, i);
        printf("%s%s ", i ? ", " : "", json_string_value(json_object_get(entry, "colour")));
        print_clean(json_string_value(json_object_get(entry, "name")));
    }
}

/* One line for each key; of pictures only their number. */
static void print_card(const struct px_card *card)
{
    size_t count;
    const struct px_metadata *entries = px_card_metadata(card, &count);

    if (count)
        printf("card\n");
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_loads(entries[i].value, 0, NULL); /* NULL for texts and numbers */
        printf("  %-16s", entries[i].key);
        if (strcmp(entries[i].key, "examples") == 0)
            printf("%zu pictures", json_array_size(value));
        else if (strcmp(entries[i].key, "palette") == 0)
            print_palette(value);
        else
            print_clean(entries[i].value);
        putchar('\n');
        json_decref(value);
    }
}

static enum px_dtype layer_dtype(const struct px_checkpoint *checkpoint, int layer)
{
    return px_checkpoint_tensor(checkpoint, layer, PX_ROLE_WEIGHT)->dtype;
}

static int quantised_layers(const struct px_checkpoint *checkpoint)
{
    int count = 0;

    for (int layer = 0; layer < px_checkpoint_network(checkpoint)->layer_count; layer++)
        count += px_checkpoint_quantised(checkpoint, layer);
    return count;
}

/* The stored type of each layer. */
static void print_layers(const struct px_checkpoint *checkpoint)
{
    printf("layers, %d of %d int8\n", quantised_layers(checkpoint),
           px_checkpoint_network(checkpoint)->layer_count);
    for (int layer = 0; layer < px_checkpoint_network(checkpoint)->layer_count; layer++)
        printf("  %-72s%s\n", px_checkpoint_network(checkpoint)->layers[layer].conv,
               px_dtype_name(layer_dtype(checkpoint, layer)));
}

static void print_text(const struct file_facts *facts)
{
    const struct px_network *network = px_checkpoint_network(facts->checkpoint);
    char text[32];

    printf("%s\n", facts->path);
    printf("  %-16s%s, ngf %d\n", "architecture", network->architecture, network->ngf);
    printf("  %-16s%dx%d; with fit=image any size, padded to multiples of %d\n", "size",
           network->crop_size, network->crop_size, px_network_multiple(network));
    printf("  %-16s%d in, %d out\n", "channels", network->input_nc, network->output_nc);
    printf("  %-16s%s", "norm", px_norm_name(network->norm));
    if (network->norm == PX_NORM_BATCH)
        printf(px_checkpoint_has_running(facts->checkpoint) ? ", with running statistics"
                                                            : ", without running statistics");
    if (px_checkpoint_test_norm(facts->checkpoint) == PX_TEST_RUNNING)
        printf(", which are the default at test");
    printf("\n  %-16s%s\n", "dropout", network->dropout ? "yes" : "no");
    printf("  %-16s%s\n", "direction", network->direction);
    printf("  %-16s%s\n", "parameters", grouped(facts->parameters, text));
    printf("  %-16s%s, %s bytes\n", "stored as",
           px_dtype_name(px_checkpoint_dtype(facts->checkpoint)), grouped(facts->bytes, text));
    if (px_checkpoint_notes(facts->checkpoint)[0])
        printf("  %-16s%s\n", "note", px_checkpoint_notes(facts->checkpoint));
    if (px_card_notes(facts->card)[0])
        printf("  %-16s%s\n", "note", px_card_notes(facts->card));
    print_card(facts->card);
    if (px_checkpoint_dtype(facts->checkpoint) == PX_S8)
        print_layers(facts->checkpoint);
    print_training(px_checkpoint_list(facts->checkpoint));
}

static json_t *json_tensors(const struct px_tensor_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct px_tensor *tensor = &list->tensors[i];
        json_t *shape = json_array();
        for (int k = 0; k < tensor->ndim; k++)
            json_array_append_new(shape, json_integer(tensor->shape[k]));
        json_array_append_new(array, json_pack("{s:s,s:s,s:o}", "name", tensor->name, "dtype",
                                               px_dtype_name(tensor->dtype), "shape", shape));
    }
    return array;
}

static json_t *json_layers(const struct px_checkpoint *checkpoint)
{
    json_t *array = json_array();

    for (int layer = 0; layer < px_checkpoint_network(checkpoint)->layer_count; layer++)
        json_array_append_new(array,
                              json_pack("{s:s,s:s}", "name",
                                        px_checkpoint_network(checkpoint)->layers[layer].conv,
                                        "dtype", px_dtype_name(layer_dtype(checkpoint, layer))));
    return array;
}

static json_t *json_metadata(const struct px_tensor_list *list)
{
    json_t *object = json_object();

    for (size_t i = 0; i < list->metadata_count; i++) {
        struct px_metadata entry = list->metadata[i];
        json_object_set_new(object, entry.key, json_string(entry.value));
    }
    return object;
}

/* NULL without memory. */
static json_t *json_card(const struct px_card *card)
{
    char *text = px_card_json(card);
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;

    free(text);
    return object;
}

/* NULL without memory. */
static json_t *json_path(const char *path)
{
    char *text = strdup(path);

    if (text)
        px_utf8_make_printable(text);
    json_t *value = text ? json_string(text) : NULL;
    free(text);
    return value;
}

static int print_json(const struct file_facts *facts, bool tensors, struct px_error *err)
{
    const struct px_checkpoint *checkpoint = facts->checkpoint;
    const struct px_network *network = px_checkpoint_network(checkpoint);
    json_t *root = json_pack(
        "{s:o,s:s,s:i,s:i,s:i,s:i,s:s,s:b,s:b,s:s,s:I,s:s,s:I,s:s,s:s,s:o,s:o,s:o}", "file",
        json_path(facts->path), "architecture", network->architecture, "size", network->crop_size,
        "ngf", network->ngf, "input_nc", network->input_nc, "output_nc", network->output_nc, "norm",
        px_norm_name(network->norm), "running_statistics", px_checkpoint_has_running(checkpoint),
        "dropout", network->dropout, "direction", network->direction, "parameters",
        (json_int_t)facts->parameters, "dtype", px_dtype_name(px_checkpoint_dtype(checkpoint)),
        "bytes", (json_int_t)facts->bytes, "note", px_checkpoint_notes(checkpoint), "card_note",
        px_card_notes(facts->card), "card", json_card(facts->card), "layers",
        json_layers(checkpoint), "metadata", json_metadata(px_checkpoint_list(checkpoint)));

    if (root && tensors)
        json_object_set_new(root, "tensors", json_tensors(px_checkpoint_list(checkpoint)));
    int rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
    json_decref(root);
    if (rc)
        return px_fail(err, PX_E_IO, "standard output: cannot write the JSON object");
    putchar('\n');
    return 0;
}

static size_t stored_bytes(const struct px_tensor_list *list)
{
    size_t bytes = 0; /* at most the file's size: no overflow */

    for (size_t i = 0; i < list->count; i++)
        bytes += list->tensors[i].bytes;
    return bytes;
}

/* The tensors of a file that holds no generator, which is a failure all the same. */
static void list_stranger(const char *path)
{
    struct px_checkpoint *checkpoint;

    if (px_checkpoint_peek(&checkpoint, path, NULL) != 0)
        return;
    print_tensors(px_checkpoint_list(checkpoint));
    px_checkpoint_close(checkpoint);
}

static int inspect(const char *path, const struct inspect_settings *settings, struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    struct px_card *card = NULL;
    int rc = px_checkpoint_import(&checkpoint, path, settings->key, err);

    if (rc && settings->tensors && !settings->json)
        list_stranger(path);
    if (rc)
        return rc;
    rc = px_card_create(&card, err);
    if (!rc)
        rc = px_card_add_model(card, checkpoint, path, err);
    const struct file_facts facts = {.path = path,
                                     .checkpoint = checkpoint,
                                     .card = card,
                                     .parameters =
                                         px_network_parameters(px_checkpoint_network(checkpoint)),
                                     .bytes = stored_bytes(px_checkpoint_list(checkpoint))};
    if (!rc && settings->json)
        rc = print_json(&facts, settings->tensors, err);
    else if (!rc) {
        print_text(&facts);
        if (settings->tensors)
            print_tensors(px_checkpoint_list(checkpoint));
    }
    px_card_destroy(card);
    px_checkpoint_close(checkpoint);
    return rc;
}

static int inspect_all(const struct px_options *options, const struct inspect_settings *settings,
                       struct px_error *err)
{
    size_t count = options->argument_count, failed = 0;

    for (size_t i = 0; i < count; i++) {
        if (i && !settings->json)
            putchar('\n');
        int rc = inspect(options->arguments[i], settings, err);
        if (rc && count == 1)
            return rc;
        if (rc) {
            fprintf(stderr, "pix2pix: %s\n", err->message);
            failed++;
        }
    }
    if (failed)
        return px_fail(err, PX_E_INVALID, "%zu of %zu files could not be described", failed, count);
    return 0;
}

int px_verb_inspect(const struct px_verb_call *call, struct px_error *err)
{
    struct inspect_settings settings;
    struct px_options options;
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (rc || options.topic)
        return rc;
    rc = inspect_all(&options, &settings, err);
    px_options_clear(&options);
    return rc;
}
