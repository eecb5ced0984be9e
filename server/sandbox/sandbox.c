#include "server/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/path.h"
#include "server/sandbox/parts/landlock.h"
#include "server/sandbox/parts/readable.h"
#include "server/sandbox/parts/syscall_filter.h"

#ifdef PX_INSTRUMENTED
static const bool instrumented = true;
#else
static const bool instrumented = false;
#endif

/* A ruleset that is being made. */
struct allowing {
    struct px_sandbox *sandbox;
    int ruleset;
    bool failed;
    struct px_buffer names; /* for the log */
};

const char *px_sandbox_part_name(enum px_sandbox_part part)
{
    static const char *const names[PX_SANDBOX_PART_COUNT] = {"no_new_privs", "landlock", "seccomp"};

    return names[part];
}

bool px_sandbox_can_restrict_files(void)
{
    return !instrumented && px_landlock_version() > 0;
}

static void say_missing(enum px_sandbox_part part)
{
    px_log_info("sandbox: no %s here: %s", px_sandbox_part_name(part), strerror(errno));
}

static void allow_removing(struct allowing *allowing, const char *file)
{
    char folder[PX_PATH_MAX];
    int fd = px_path_folder(folder, file, NULL) == 0 ? open(folder, O_PATH | O_CLOEXEC) : -1;

    if (fd < 0 || px_landlock_allow_removing(allowing->ruleset, fd) != 0)
        allowing->failed = true;
    if (fd >= 0)
        close(fd);
}

/* What is not there need not be allowed. */
static void allow(struct allowing *allowing, const char *path, bool hold)
{
    struct px_sandbox *sandbox = allowing->sandbox;
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return;
    if (px_landlock_allow_reading(allowing->ruleset, fd) != 0)
        allowing->failed = true;
    if (hold && sandbox->held_count < PX_SANDBOX_HELD)
        sandbox->held[sandbox->held_count++] = fd;
    else
        close(fd);
}

static void allow_named(void *context, const char *path)
{
    struct allowing *allowing = context;

    allow(allowing, path, false);
    px_buffer_appendf(&allowing->names, "%s%s", allowing->names.size > 0 ? ", " : "", path);
}

/* The kernel makes files of /proc anew when it needs their memory, and would not know them again;
 * descriptors keep them. */
static void allow_system(void *context, const char *path)
{
    allow(context, path, true);
}

static bool restrict_files(struct px_sandbox *sandbox, const struct px_sandbox_options *options,
                           struct px_buffer *names)
{
    int version = px_landlock_version();
    struct allowing allowing = {.sandbox = sandbox};

    if (version == 0 || (allowing.ruleset = px_landlock_open(version)) < 0)
        return false;
    px_readable_models(options->models, allow_named, &allowing);
    if (options->file)
        px_readable_file(options->file, allow_named, &allowing);
    for (size_t i = 0; i < options->gone_count; i++)
        allow_removing(&allowing, options->gone[i]);
    px_readable_system(allow_system, &allowing);
    bool done = !allowing.failed && px_landlock_restrict(allowing.ruleset) == 0;
    int reason = errno;
    close(allowing.ruleset);
    *names = allowing.names;
    errno = reason;
    return done;
}

static void log_parts(const struct px_sandbox *sandbox, const char *names)
{
    char parts[80] = "";
    size_t n = 0;

    for (int i = 0; i < PX_SANDBOX_PART_COUNT; i++)
        if (sandbox->on[i])
            n += (size_t)snprintf(parts + n, sizeof parts - n, "%s%s", n > 0 ? ", " : "",
                                  px_sandbox_part_name((enum px_sandbox_part)i));
    px_log_info("sandbox: %s%s%s", n > 0 ? parts : "nothing", names[0] ? "; can read " : "", names);
}

void px_sandbox_enter(struct px_sandbox *sandbox, const struct px_sandbox_options *options)
{
    const struct rlimit none = {0, 0};
    struct px_buffer names = {0};

    *sandbox = (struct px_sandbox){0};
    setrlimit(RLIMIT_CORE, &none);
    sandbox->on[PX_SANDBOX_NO_NEW_PRIVS] = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!sandbox->on[PX_SANDBOX_NO_NEW_PRIVS])
        say_missing(PX_SANDBOX_NO_NEW_PRIVS);
    if (instrumented) {
        px_log_info("sandbox: no landlock and no seccomp in a build with sanitizers or coverage");
    } else {
        sandbox->on[PX_SANDBOX_LANDLOCK] = restrict_files(sandbox, options, &names);
        if (!sandbox->on[PX_SANDBOX_LANDLOCK])
            say_missing(PX_SANDBOX_LANDLOCK);
        sandbox->on[PX_SANDBOX_SECCOMP] = px_syscall_filter_install(options->gone_count > 0) == 0;
        if (!sandbox->on[PX_SANDBOX_SECCOMP])
            say_missing(PX_SANDBOX_SECCOMP);
    }
    log_parts(sandbox, sandbox->on[PX_SANDBOX_LANDLOCK] ? px_buffer_text(&names) : "");
    px_buffer_clear(&names);
}

void px_sandbox_clear(struct px_sandbox *sandbox)
{
    for (size_t i = 0; i < sandbox->held_count; i++)
        close(sandbox->held[i]);
    sandbox->held_count = 0;
}

void px_sandbox_explain(const struct px_sandbox *sandbox, const char *path, struct px_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct px_error first;

    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errno != EACCES || !err)
        return;
    first = *err;
    if (euidaccess(path, R_OK) != 0)
        px_fail(err, (enum px_code)first.code,
                "%s; the daemon runs as uid %d: let that user read it, or choose another with "
                "--user",
                first.message, (int)geteuid());
    else if (sandbox && sandbox->on[PX_SANDBOX_LANDLOCK])
        px_fail(err, (enum px_code)first.code,
                "%s; the sandbox lets the daemon read only what was there, or linked to, at the "
                "start: restart it",
                first.message);
}
