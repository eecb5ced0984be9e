#ifndef SERVER_FRONT_API_KEYS_H
#define SERVER_FRONT_API_KEYS_H

/* The keys that clients must show (--api-keys FILE), as "Authorization: Bearer KEY".
 *
 * The file has a key a line, as KEY or NAME:KEY; empty lines and those that begin with '#' are
 * ignored. A key has 16 to 512 letters, digits and any of "-._~+/=" (RFC 6750). A name has up to 64
 * letters, digits and any of "-._"; several keys may share one, so that a key can be changed
 * without a gap. A key without a name is called after its line, "line-3".
 *
 * Only SHA-256 hashes of the keys are kept. Any thread. */

#include "base/error.h"

struct px_api_keys;

enum { PX_API_KEY_NAME_SIZE = 65 };

/* Reads the file. NOT_FOUND, IO and TOO_LARGE; FORMAT names the line that is not a key or repeats
 * one, or says that there is no key at all; the message begins with the path and never has a key.
 * A file that everybody may read gets a warning. */
int px_api_keys_create(struct px_api_keys **out, const char *path, struct px_error *err);
void px_api_keys_destroy(struct px_api_keys *keys); /* accepts NULL */

/* Reads the file again. On failure the keys stay as they were. */
int px_api_keys_reload(struct px_api_keys *keys, struct px_error *err);

/* The name of the key in an Authorization header (NULL: there is none). UNAUTHORISED if it has no
 * key, or one that is not in the file. The time that this takes does not depend on the keys. */
int px_api_keys_check(struct px_api_keys *keys, const char *authorization,
                      char name[static PX_API_KEY_NAME_SIZE], struct px_error *err);

#endif
