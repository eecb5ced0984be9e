#include "tests/check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "server/front/page.h"
#include "server/front/routes.h"
#include "server/message/fields.h"

static json_t *description; /* /openapi.json */

static int load(void **state)
{
    const struct px_web_file *file = px_web_files;

    (void)state;
    while (file->path && strcmp(file->path, "/openapi.json") != 0)
        file++;
    if (file->path)
        description =
            json_loadb((const char *)file->data, file->size, JSON_REJECT_DUPLICATES, NULL);
    return description ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(description);
    return 0;
}

/* The member at "a.b.c", which must be there. */
static json_t *at(json_t *node, const char *keys)
{
    char key[64];

    while (*keys != '\0') {
        size_t n = strcspn(keys, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, keys);
        node = json_object_get(node, key);
        if (!node)
            fail_msg("there is no %s", keys);
        keys += n + (keys[n] == '.');
    }
    return node;
}

static bool takes(const struct px_route_entry *route, const char *method)
{
    char upper[16];
    size_t n = strlen(method);

    for (size_t i = 0; i <= n; i++)
        upper[i] = (char)(method[i] >= 'a' && method[i] <= 'z' ? method[i] - 'a' + 'A' : method[i]);
    const char *found = strstr(route->allow, upper);
    return found && (found[n] == ',' || found[n] == '\0');
}

static void test_routes_are_described(void **state)
{
    json_t *paths = at(description, "paths");
    const struct px_route_entry *route;

    (void)state;
    for (size_t i = 0; (route = px_route_at(i)) != NULL; i++) {
        json_t *path = json_object_get(paths, route->path);
        const char *method = takes(route, "post") ? "post" : "get";
        if (!path || !json_object_get(path, method))
            fail_msg("%s %s is not described", method, route->path);
    }
}

/* By the path as the table has it. */
static const struct px_route_entry *find_route(const char *path)
{
    const struct px_route_entry *route;

    for (size_t i = 0; (route = px_route_at(i)) != NULL; i++)
        if (strcmp(route->path, path) == 0)
            return route;
    return NULL;
}

static void test_descriptions_have_routes(void **state)
{
    const char *path, *method;
    json_t *operations, *operation;

    (void)state;
    json_object_foreach(at(description, "paths"), path, operations)
    {
        char model[PX_ROUTE_MODEL_SIZE];
        const struct px_route_entry *route = find_route(path);
        if (!route)
            route = px_route_find(path, model); /* of the page */
        json_object_foreach(operations, method, operation)
        {
            if (!takes(route, method))
                fail_msg("%s %s is described, but there is no such route", method, path);
        }
    }
}

static bool has(json_t *list, const char *text)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) if (strcmp(json_string_value(item), text) == 0) return true;
    return false;
}

static void check_choices(const struct px_option *option, json_t *schema)
{
    const char *s = option->choices;
    size_t count = 0;
    char choice[32];

    for (; *s != '\0'; count++) {
        size_t n = strcspn(s, "|");
        snprintf(choice, sizeof choice, "%.*s", (int)n, s);
        if (!has(at(schema, "enum"), choice))
            fail_msg("%s: %s is not described", option->name, choice);
        s += n + (s[n] == '|');
    }
    assert_int_equal(json_array_size(at(schema, "enum")), count);
}

static void check_schema(const struct px_option *option)
{
    json_t *schema = at(at(description, "components.schemas"), option->name);

    if (option->choices) {
        check_choices(option, schema);
    } else if (option->type == PX_OPTION_INT) {
        assert_int_equal(json_integer_value(at(schema, "minimum")), (int)option->min);
        assert_int_equal(json_integer_value(at(schema, "maximum")), (int)option->max);
    } else {
        assert_string_equal(json_string_value(at(schema, "type")), "string");
    }
}

static void test_fields(void **state)
{
    static const char *const bodies[] = {"multipart/form-data", "application/json"};
    json_t *post = at(json_object_get(at(description, "paths"), "/translate"), "post");

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        json_t *body = json_object_get(at(post, "requestBody.content"), bodies[i]);
        json_t *properties = at(body, "schema.properties");
        for (int field = 0; field < PX_FIELD_COUNT; field++)
            at(properties, px_fields_option((enum px_field)field)->name);
        at(properties, "image");
        assert_int_equal(json_object_size(properties), PX_FIELD_COUNT + 1);
    }
    for (int field = 0; field < PX_FIELD_COUNT; field++)
        check_schema(px_fields_option((enum px_field)field));
}

static void test_query(void **state)
{
    json_t *parameters = at(description, "components.parameters");

    (void)state;
    for (int field = 0; field < PX_FIELD_COUNT; field++) {
        const char *name = px_fields_option((enum px_field)field)->name;
        json_t *parameter = at(parameters, name);
        assert_string_equal(json_string_value(at(parameter, "name")), name);
        assert_string_equal(json_string_value(at(parameter, "in")), "query");
    }
    assert_int_equal(json_object_size(parameters), PX_FIELD_COUNT);
}

static bool is_described(int status)
{
    json_t *list = at(description, "components.schemas.Problem.properties.status.enum"), *item;
    size_t i;

    json_array_foreach(list, i, item) if (json_integer_value(item) == status) return true;
    return false;
}

static void test_statuses(void **state)
{
    json_t *list = at(description, "components.schemas.Problem.properties.status.enum"), *item;
    bool known[600] = {false};
    size_t i;

    (void)state;
#define CHECK_STATUS(name, status, title)                                                          \
    known[status] = true;                                                                          \
    if (!is_described(status))                                                                     \
        fail_msg("%d is not described", status);
    PX_ERROR_MAP(CHECK_STATUS)
    json_array_foreach(list, i, item) assert_true(known[json_integer_value(item)]);
}

static void test_version(void **state)
{
    (void)state;
    assert_string_equal(json_string_value(at(description, "openapi")), "3.1.0");
    assert_string_equal(json_string_value(at(description, "info.version")), PX_VERSION);
}

/* Every "#/..." must lead somewhere. */
static void check_references(json_t *node)
{
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(node, i, value) check_references(value);
    json_object_foreach(node, key, value)
    {
        check_references(value);
        if (strcmp(key, "$ref") != 0)
            continue;
        char path[128];
        snprintf(path, sizeof path, "%s", json_string_value(value) + 2);
        for (char *s = path; *s != '\0'; s++)
            if (*s == '/')
                *s = '.';
        at(description, path);
    }
}

static void test_references(void **state)
{
    (void)state;
    check_references(description);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("every route is described", test_routes_are_described),
        CHECK("everything described is a route", test_descriptions_have_routes),
        CHECK("forms and JSON have the fields of the table, and no others", test_fields),
        CHECK("so has the query", test_query),
        CHECK("problems have the statuses of the errors, and no others", test_statuses),
        CHECK("the versions are right", test_version),
        CHECK("every reference leads somewhere", test_references),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
