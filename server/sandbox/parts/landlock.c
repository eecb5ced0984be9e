#include "server/sandbox/parts/landlock.h"

#include <assert.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The headers of Debian 12 end with version 2; the kernel may have more. */
struct attributes {
    uint64_t files; /* LANDLOCK_ACCESS_FS_...: from version 2, 3 and 5 on, one more each */
    uint64_t tcp;   /* from version 4 on: bind and connect */
    uint64_t scope; /* from version 6 on: abstract unix sockets, signals */
};

enum { LATEST = 6, TCP_ALL = 3, SCOPE_ALL = 3 };

int px_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version < 0 ? 0 : version > LATEST ? LATEST : (int)version;
}

int px_landlock_open(int version)
{
    static const unsigned file_bits[LATEST + 1] = {0, 13, 14, 15, 15, 16, 16};
    static const size_t sizes[LATEST + 1] = {0, 8, 8, 8, 16, 16, 24};

    assert(version > 0 && version <= LATEST);
    const struct attributes attributes = {.files = (UINT64_C(1) << file_bits[version]) - 1,
                                          .tcp = version < 4 ? 0 : TCP_ALL,
                                          .scope = version < 6 ? 0 : SCOPE_ALL};
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizes[version], 0);
}

static int allow(int ruleset, int fd, uint64_t access)
{
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int px_landlock_allow_reading(int ruleset, int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return -1;
    return allow(ruleset, fd,
                 LANDLOCK_ACCESS_FS_READ_FILE |
                     (S_ISDIR(status.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR : 0));
}

int px_landlock_allow_removing(int ruleset, int fd)
{
    return allow(ruleset, fd, LANDLOCK_ACCESS_FS_REMOVE_FILE);
}

int px_landlock_restrict(int ruleset)
{
    return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
