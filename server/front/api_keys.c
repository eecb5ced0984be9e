#include "server/front/api_keys.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum { KEYS_MAX = 1024, KEY_LEAST = 16, KEY_MOST = 512, FILE_MOST = 1 << 20 };

struct key {
    uint8_t digest[PX_SHA256_SIZE];
    char name[PX_API_KEY_NAME_SIZE];
    unsigned line;
};

struct key_list {
    struct key *keys;
    size_t count;
};

struct px_api_keys {
    const char *path;
    pthread_mutex_t lock; /* of the list */
    struct key_list list;
};

/* 1 if the digests are equal, else 0; in the same time for all. */
static uint32_t is_equal(const uint8_t *a, const uint8_t *b)
{
    uint32_t difference = 0;

    for (size_t i = 0; i < PX_SHA256_SIZE; i++)
        difference |= a[i] ^ b[i];
    return (difference - 1) >> 31;
}

static int fail_line(const char *path, unsigned line, const char *problem, struct px_error *err)
{
    return px_fail(err, PX_E_FORMAT, "%.200s: line %u: %s", path, line, problem);
}

static int check_key(const char *path, unsigned line, const char *key, struct px_error *err)
{
    size_t n = strspn(key, ALPHANUMERIC "-._~+/=");

    if (key[n] != '\0')
        return fail_line(path, line,
                         "a key has letters, digits and -._~+/= only; write KEY or NAME:KEY, "
                         "a line each",
                         err);
    if (n >= KEY_LEAST && n <= KEY_MOST)
        return 0;
    return fail_line(path, line,
                     n > KEY_MOST ? "the key is too long; use at most 512 characters"
                                  : "the key is too short to be safe; use at least 16 characters, "
                                    "such as openssl rand -hex 24 prints",
                     err);
}

/* `text` is a line without white space around it, and not a comment. */
static int read_key(struct key *key, const char *path, char *text, struct px_error *err)
{
    char *colon = strchr(text, ':');

    snprintf(key->name, sizeof key->name, "line-%u", key->line);
    if (colon) {
        *colon = '\0';
        size_t n = strlen(text);
        if (n == 0 || n >= sizeof key->name || strspn(text, ALPHANUMERIC "-._") != n)
            return fail_line(path, key->line,
                             "the name before the colon must be 1 to 64 letters, digits and -._",
                             err);
        memcpy(key->name, text, n + 1);
        text = colon + 1;
    }
    int rc = check_key(path, key->line, text, err);
    if (rc == 0)
        px_sha256(text, strlen(text), key->digest);
    return rc;
}

static int add_key(struct key_list *list, const char *path, const struct key *key,
                   struct px_error *err)
{
    char problem[64];

    if (list->count == KEYS_MAX)
        return px_fail(err, PX_E_FORMAT, "%.200s: more than %d keys", path, KEYS_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (!is_equal(list->keys[i].digest, key->digest))
            continue;
        snprintf(problem, sizeof problem, "the same key as in line %u; remove one",
                 list->keys[i].line);
        return fail_line(path, key->line, problem, err);
    }
    list->keys[list->count++] = *key;
    return 0;
}

/* Takes the text apart in place. */
static int parse(struct key_list *list, const char *path, char *text, struct px_error *err)
{
    struct key key = {.line = 0};
    char *rest = text;
    int rc = 0;

    while (rc == 0 && rest) {
        char *line = strsep(&rest, "\n");
        key.line++;
        if (key.line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
            line += 3; /* a byte order mark */
        line += strspn(line, " \t");
        size_t n = strlen(line);
        while (n > 0 && strchr(" \t\r", line[n - 1]))
            line[--n] = '\0';
        if (n == 0 || line[0] == '#')
            continue;
        rc = read_key(&key, path, line, err);
        if (rc == 0)
            rc = add_key(list, path, &key, err);
    }
    if (rc == 0 && list->count == 0)
        rc = px_fail(err, PX_E_FORMAT,
                     "%.200s: there is no key in it, so that nobody could use "
                     "the daemon; write KEY or NAME:KEY, a line each",
                     path);
    return rc;
}

static void warn_of_readers(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
        px_log_warning("%s: every user of this machine can read the keys; chmod o-r", path);
}

/* On failure the list is empty. */
static int read_list(struct key_list *list, const char *path, struct px_error *err)
{
    uint8_t *text;
    size_t size;
    int rc = px_file_read(path, FILE_MOST, &text, &size, err);

    *list = (struct key_list){0};
    if (rc < 0)
        return rc;
    list->keys = calloc(KEYS_MAX, sizeof *list->keys);
    if (!list->keys)
        rc = px_fail(err, PX_E_NOMEM, "no memory for the keys of --api-keys");
    else if (strlen((char *)text) != size)
        rc = px_fail(err, PX_E_FORMAT, "%.200s: it has a NUL byte; write text", path);
    else
        rc = parse(list, path, (char *)text, err);
    explicit_bzero(text, size);
    free(text);
    if (rc < 0) {
        free(list->keys);
        *list = (struct key_list){0};
        return rc;
    }
    warn_of_readers(path);
    px_log_info("%zu key%s in %s", list->count, list->count > 1 ? "s" : "", path);
    return 0;
}

int px_api_keys_create(struct px_api_keys **out, const char *path, struct px_error *err)
{
    struct px_api_keys *keys = calloc(1, sizeof *keys);

    if (!keys)
        return px_fail(err, PX_E_NOMEM, "no memory for the keys of --api-keys");
    keys->path = path;
    int rc = read_list(&keys->list, path, err);
    if (rc < 0) {
        free(keys);
        return rc;
    }
    pthread_mutex_init(&keys->lock, NULL);
    *out = keys;
    return 0;
}

void px_api_keys_destroy(struct px_api_keys *keys)
{
    if (!keys)
        return;
    pthread_mutex_destroy(&keys->lock);
    free(keys->list.keys);
    free(keys);
}

int px_api_keys_reload(struct px_api_keys *keys, struct px_error *err)
{
    struct key_list now;
    int rc = read_list(&now, keys->path, err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&keys->lock);
    struct key_list before = keys->list;
    keys->list = now;
    pthread_mutex_unlock(&keys->lock);
    free(before.keys);
    return 0;
}

/* The text behind "Bearer ", or NULL. */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "Bearer";
    size_t n = sizeof scheme - 1;

    if (!authorization || strncasecmp(authorization, scheme, n) != 0 || authorization[n] != ' ')
        return NULL;
    return authorization + n + strspn(authorization + n, " ");
}

/* Whether there is such a key; `name` is then its name. Looks at every key, and at every byte. */
static bool find(struct px_api_keys *keys, const uint8_t digest[static PX_SHA256_SIZE],
                 char name[static PX_API_KEY_NAME_SIZE])
{
    size_t found = KEYS_MAX;

    pthread_mutex_lock(&keys->lock);
    for (size_t i = 0; i < keys->list.count; i++) {
        size_t mask = (size_t)0 - is_equal(keys->list.keys[i].digest, digest);
        found = (found & ~mask) | (i & mask);
    }
    if (found < KEYS_MAX)
        memcpy(name, keys->list.keys[found].name, PX_API_KEY_NAME_SIZE);
    pthread_mutex_unlock(&keys->lock);
    return found < KEYS_MAX;
}

int px_api_keys_check(struct px_api_keys *keys, const char *authorization,
                      char name[static PX_API_KEY_NAME_SIZE], struct px_error *err)
{
    const char *key = bearer(authorization);
    uint8_t digest[PX_SHA256_SIZE];

    if (!key)
        return px_fail(err, PX_E_UNAUTHORISED,
                       "this needs a key; send it in the header 'Authorization: Bearer KEY'");
    px_sha256(key, strlen(key), digest);
    if (find(keys, digest, name))
        return 0;
    return px_fail(err, PX_E_UNAUTHORISED,
                   "the key is not one of this daemon's; ask its operator for one");
}
