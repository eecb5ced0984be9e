#include "server/sandbox/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "server/sandbox/parts/readable.h"

/* Who nobody is on systems without a list of users. */
enum { NOBODY = 65534 };

struct identity {
    uid_t uid;
    gid_t gid;
    const char *name; /* NULL: not in the list of users */
};

static bool is_number(const char *text, uid_t *number)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *number = (uid_t)value;
    return *end == '\0' && errno == 0 && value < UINT32_MAX; /* the last one means "none" */
}

static int find_user(const char *user, struct identity *found, struct px_error *err)
{
    uid_t uid;
    bool number = is_number(user, &uid);
    const struct passwd *entry = number ? getpwuid(uid) : getpwnam(user);

    if (entry)
        *found = (struct identity){entry->pw_uid, entry->pw_gid, entry->pw_name};
    else if (number)
        *found = (struct identity){uid, uid, NULL};
    else
        return px_fail(err, PX_E_NOT_FOUND,
                       "--user %.80s: there is no such user; give another name or a number", user);
    return 0;
}

static void find_nobody(struct identity *found)
{
    if (find_user("nobody", found, NULL) < 0)
        *found = (struct identity){NOBODY, NOBODY, NULL};
}

static int set_groups(const struct identity *to)
{
    int rc = to->name ? initgroups(to->name, to->gid) : setgroups(0, NULL);

    return rc == 0 ? setresgid(to->gid, to->gid, to->gid) : rc;
}

/* Looks as that user for a moment. */
static bool can_read_as(const struct identity *user, const struct px_privileges_options *options)
{
    if (seteuid(user->uid) != 0)
        return false;
    bool all = px_readable_is_all(options->models, options->file);
    return seteuid(0) == 0 && all;
}

/* Of the capabilities that are left, keeps the one to read any file. */
static int keep_reading(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
    const uint32_t bit = UINT32_C(1) << CAP_DAC_READ_SEARCH;

    sets[0].effective = bit;
    sets[0].permitted = bit;
    return (int)syscall(SYS_capset, &header, sets);
}

static bool may_keep_reading(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capget, &header, sets) == 0 &&
           (sets[0].permitted & UINT32_C(1) << CAP_DAC_READ_SEARCH);
}

/* errno says why it failed. */
static int become(const struct identity *to, bool reading)
{
    if (reading && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return -1;
    if (setresuid(to->uid, to->uid, to->uid) != 0)
        return -1;
    if (reading && (keep_reading() != 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0))
        return -1;
    errno = EPERM;
    return setresuid(0, 0, 0) == 0 || getuid() != to->uid || geteuid() != to->uid ? -1 : 0;
}

static int become_user(const struct px_privileges_options *options, const struct identity *to,
                       struct px_error *err)
{
    if (set_groups(to) != 0 || become(to, false) != 0)
        return px_fail(err, PX_E_IO, "--user %.80s: cannot become uid %u: %s", options->user,
                       to->uid, strerror(errno));
    px_log_info("runs as %s (uid %u) instead of root", to->name ? to->name : "that user", to->uid);
    return 0;
}

static int become_nobody(const struct px_privileges_options *options, struct px_error *err)
{
    struct identity nobody;

    find_nobody(&nobody);
    if (set_groups(&nobody) != 0 || seteuid(nobody.uid) != 0 || seteuid(0) != 0) {
        px_log_warning("runs as root: cannot become nobody (uid %u): %s", nobody.uid,
                       strerror(errno));
        return 0;
    }
    bool reading = !can_read_as(&nobody, options) && options->restricted && may_keep_reading();
    if (become(&nobody, reading) != 0)
        return px_fail(err, PX_E_IO, "cannot become nobody (uid %u): %s; --user names another user",
                       nobody.uid, strerror(errno));
    px_log_info("runs as nobody (uid %u) instead of root%s", nobody.uid,
                reading ? ", with CAP_DAC_READ_SEARCH to read its files" : "");
    return 0;
}

int px_privileges_drop(const struct px_privileges_options *options, struct px_error *err)
{
    struct identity user = {0};
    int rc = options->user ? find_user(options->user, &user, err) : 0;

    if (rc < 0)
        return rc;
    if (geteuid() != 0)
        return !options->user || user.uid == geteuid()
                   ? 0
                   : px_fail(err, PX_E_USAGE,
                             "--user %.80s: only root can become another user, and this is uid %u",
                             options->user, geteuid());
    if (options->user && user.uid == 0) {
        px_log_warning("runs as root, as --user says");
        return 0;
    }
    if (options->user)
        return become_user(options, &user, err);
#ifdef PX_INSTRUMENTED
    px_log_info("runs as root: this build has sanitizers or coverage, which write files");
    return 0;
#else
    return become_nobody(options, err);
#endif
}
