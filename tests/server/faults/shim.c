/* Preloaded into the daemon (LD_PRELOAD) by the tests of allocations and faults: counts calls that
 * may fail, by the place that makes them, and makes the n-th one fail.
 *
 * The test and the daemon share the file that PX_FAULTS names, a struct control;
 * tests/server/faults has the same layout in Python. Nothing happens until the test arms a kind. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { ALLOCATE, SEND, THREAD, ACCEPT, KINDS };

enum { MODULE_SIZE = 48, SITES = 1023 };

/* Where a call came from, as the return address. */
struct site {
    _Atomic(uint64_t) address; /* 0: free */
    _Atomic(uint64_t) count;
    uint64_t offset; /* in the module's file */
    char module[MODULE_SIZE];
    uint64_t padding[5];
};

struct control {
    struct {
        _Atomic(uint64_t) armed;  /* whether calls are counted */
        _Atomic(uint64_t) count;  /* calls since */
        _Atomic(uint64_t) first;  /* the first call that fails, from 1; 0: none does */
        _Atomic(uint64_t) last;   /* and the last one */
        _Atomic(uint64_t) failed; /* calls that did */
        _Atomic(uint64_t) error;  /* their errno */
        uint64_t padding[2];
    } kinds[KINDS];
    struct site sites[SITES]; /* of allocations */
};

/* The library's own names for what is replaced here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static struct control *control;

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("PX_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

static void describe(struct site *site, void *address)
{
    Dl_info info;

    if (!dladdr(address, &info) || !info.dli_fname)
        return;
    const char *slash = strrchr(info.dli_fname, '/');
    strncpy(site->module, slash ? slash + 1 : info.dli_fname, MODULE_SIZE - 1);
    site->offset = (uint64_t)((uintptr_t)address - (uintptr_t)info.dli_fbase);
}

static void count_site(void *address)
{
    uint64_t wanted = (uint64_t)(uintptr_t)address;

    for (size_t i = 0; i < SITES; i++) {
        struct site *site = &control->sites[(wanted / 4 + i) % SITES];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&site->address, &found, wanted))
            describe(site, address);
        if (found == 0 || found == wanted) {
            atomic_fetch_add(&site->count, 1);
            return;
        }
    }
}

/* Whether this call is to fail; sets errno. */
static bool fails(enum kind kind, void *caller)
{
    if (!control || !atomic_load(&control->kinds[kind].armed))
        return false;
    uint64_t n = atomic_fetch_add(&control->kinds[kind].count, 1) + 1;
    if (kind == ALLOCATE)
        count_site(caller);
    if (n < atomic_load(&control->kinds[kind].first) || n > atomic_load(&control->kinds[kind].last))
        return false;
    atomic_fetch_add(&control->kinds[kind].failed, 1);
    errno = (int)atomic_load(&control->kinds[kind].error);
    return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    return fails(ALLOCATE, CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails(ALLOCATE, CALLER) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return fails(ALLOCATE, CALLER) ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails(ALLOCATE, CALLER) ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(ALLOCATE, CALLER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block = fails(ALLOCATE, CALLER) ? NULL : __libc_memalign(alignment, size);

    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}

/* The function that `name` would be without this library. */
static void next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, sizeof found);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);

    next("send", &real);
    return fails(SEND, CALLER) ? -1 : real(fd, data, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int);

    next("sendmsg", &real);
    return fails(SEND, CALLER) ? -1 : real(fd, message, flags);
}

/* Of sockets and the log; writing to an eventfd, by which threads wake each other, never fails. */
static bool may_fail(int fd)
{
    struct stat status;

    return fd == STDERR_FILENO || (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode));
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t (*real)(int, const void *, size_t);

    next("write", &real);
    return may_fail(fd) && fails(SEND, CALLER) ? -1 : real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*real)(int, const struct iovec *, int);

    next("writev", &real);
    return fails(SEND, CALLER) ? -1 : real(fd, parts, count);
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int);

    next("accept4", &real);
    return fails(ACCEPT, CALLER) ? -1 : real(fd, address, size, flags);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*start)(void *), void *restrict argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    next("pthread_create", &real);
    return fails(THREAD, CALLER) ? EAGAIN : real(thread, attributes, start, argument);
}
