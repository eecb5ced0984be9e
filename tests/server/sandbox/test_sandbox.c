#include "tests/server/sandbox/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "server/sandbox/sandbox.h"

/* "models" with a.safetensors, which is real, b.safetensors, a link to "elsewhere", and "current",
 * a link to "releases/1"; "secret" is a file beside them. */
static char folder[] = "/tmp/test_sandbox.XXXXXX";

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);

    assert_true(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    mkdir("models", 0755);
    mkdir("elsewhere", 0755);
    mkdir("releases", 0755);
    mkdir("releases/1", 0755);
    mkdir("releases/2", 0755);
    write_file("models/a.safetensors");
    write_file("elsewhere/b.safetensors");
    write_file("releases/1/c.safetensors");
    write_file("releases/2/c.safetensors");
    write_file("secret");
    return symlink("../elsewhere/b.safetensors", "models/b.safetensors") != 0 ||
           symlink("releases/1", "current") != 0;
}

static int remove_files(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir("/") != 0 || system(command) != 0;
}

static void enter(const char *models)
{
    struct px_sandbox sandbox;

    px_sandbox_enter(&sandbox, &(struct px_sandbox_options){.models = models});
    if (!sandbox.on[PX_SANDBOX_NO_NEW_PRIVS] || !sandbox.on[PX_SANDBOX_SECCOMP])
        _exit(99);
}

/* 0, or the reason for a failure; less than any signal's number here. */
static int why(long result)
{
    return result >= 0 ? 0 : errno;
}

static int open_for(const char *path, int flags)
{
    return why(open(path, flags | O_CLOEXEC, 0600));
}

#define SANDBOXED(name, models, result)                                                            \
    static int name(void)                                                                          \
    {                                                                                              \
        enter(models);                                                                             \
        return (result);                                                                           \
    }

#ifdef PX_INSTRUMENTED
#define NEEDS_SANDBOX()                                                                            \
    do {                                                                                           \
        tap_skip(" # SKIP a build with sanitizers or coverage has none");                          \
        return;                                                                                    \
    } while (0)
#else
#define NEEDS_SANDBOX()                                                                            \
    if (!px_sandbox_can_restrict_files()) {                                                        \
        tap_skip(" # SKIP this kernel has no landlock");                                           \
        return;                                                                                    \
    }
#endif

SANDBOXED(read_model, "models", open_for("models/a.safetensors", O_RDONLY))
SANDBOXED(list_models, "models", open_for("models", O_RDONLY | O_DIRECTORY))
SANDBOXED(read_linked, "models", open_for("models/b.safetensors", O_RDONLY))
SANDBOXED(read_passwd, "models", open_for("/etc/passwd", O_RDONLY))
SANDBOXED(read_beside, "models", open_for("secret", O_RDONLY))
SANDBOXED(list_around, "models", open_for(".", O_RDONLY | O_DIRECTORY))
SANDBOXED(read_self, "models", open_for("/proc/self/statm", O_RDONLY))
SANDBOXED(read_parent, "models", open_for("/proc/1/statm", O_RDONLY))

static void test_reading(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(read_model), 0);
    assert_int_equal(run_child(list_models), 0);
    assert_int_equal(run_child(read_linked), 0);
    assert_int_equal(run_child(read_self), 0);
}

static void test_reading_others(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(read_passwd), EACCES);
    assert_int_equal(run_child(read_beside), EACCES);
    assert_int_equal(run_child(list_around), EACCES);
    assert_int_equal(run_child(read_parent), EACCES);
}

static int read_next_release(void)
{
    enter("current/");
    return open_for("releases/2/c.safetensors", O_RDONLY);
}

static void test_changed_link(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(read_next_release), 0);
}

static int open_for_writing(void)
{
    static const int flags[] = {
        O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_WRONLY | O_APPEND, O_ACCMODE, O_RDWR | O_TMPFILE};

    enter("models");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (open_for(flags[i] & O_DIRECTORY ? "models" : "models/a.safetensors", flags[i]) !=
            EACCES)
            return 1 + (int)i;
    return open_for("/dev/null", O_WRONLY);
}

static void test_opening_for_writing(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(open_for_writing), EACCES);
}

static int change_files(void)
{
    enter("models");
    const int reasons[] = {why(creat("models/new", 0600)),
                           why(unlink("models/a.safetensors")),
                           why(rename("models/a.safetensors", "models/c.safetensors")),
                           why(mkdir("models/folder", 0700)),
                           why(symlink("/etc/passwd", "models/d.safetensors")),
                           why(link("models/a.safetensors", "models/e.safetensors")),
                           why(chmod("models/a.safetensors", 0777)),
                           why(truncate("models/a.safetensors", 0)),
                           why(chdir("/")),
                           why(mkfifo("models/fifo", 0600))};

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i] != EPERM)
            return 1 + (int)i;
    return 0;
}

static void test_changing_files(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(change_files), 0);
}

static const char *const gone[] = {"elsewhere/socket"};

static int remove_at_the_end(void)
{
    struct px_sandbox sandbox;

    write_file("elsewhere/socket");
    px_sandbox_enter(&sandbox, &(struct px_sandbox_options){"models", NULL, gone, 1});
    int reason = why(unlink("elsewhere/socket"));
    return reason == 0 ? why(unlink("models/a.safetensors")) : 200;
}

static void test_removing(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(remove_at_the_end), EACCES);
}

static int replace_file(void)
{
    struct px_sandbox sandbox;

    write_file("elsewhere/keys");
    px_sandbox_enter(&sandbox, &(struct px_sandbox_options){"models", "elsewhere/keys", NULL, 0});
    return open_for("elsewhere/keys", O_RDONLY) == 0 ? open_for("elsewhere/b.safetensors", O_RDONLY)
                                                     : 200;
}

/* The folder is this user's home. */
static int read_file_at_home(void)
{
    struct px_sandbox sandbox;

    setenv("HOME", folder, 1);
    px_sandbox_enter(&sandbox, &(struct px_sandbox_options){"releases/1", "secret", NULL, 0});
    return open_for("secret", O_RDONLY) == 0 ? open_for("models/a.safetensors", O_RDONLY) : 200;
}

static void test_file(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(replace_file), 0);
    assert_int_equal(run_child(read_file_at_home), EACCES);
}

static char *const no_arguments[] = {NULL};
SANDBOXED(execute, "models", why(execve("/bin/true", no_arguments, no_arguments)))
SANDBOXED(execute_at, "models", why(syscall(SYS_execveat, -1, "/bin/true", 0, 0, 0)))
SANDBOXED(trace, "models", why(syscall(SYS_ptrace, 0, 0, 0, 0)))
SANDBOXED(read_memory, "models", why(syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0)))
SANDBOXED(write_memory, "models", why(syscall(SYS_process_vm_writev, getppid(), 0, 0, 0, 0, 0)))
SANDBOXED(load_bpf, "models", why(syscall(SYS_bpf, 0, 0, 0)))
SANDBOXED(use_keys, "models", why(syscall(SYS_keyctl, 0, 0, 0, 0, 0)))
SANDBOXED(do_mount, "models", why(syscall(SYS_mount, 0, 0, 0, 0, 0)))
SANDBOXED(do_unshare, "models", why(syscall(SYS_unshare, 0)))
SANDBOXED(do_setns, "models", why(syscall(SYS_setns, -1, 0)))
SANDBOXED(begin_process, "models", why(fork()))
SANDBOXED(signal_other, "models", why(kill(getppid(), 0)))
SANDBOXED(signal_thread, "models", why(syscall(SYS_tgkill, getppid(), getppid(), 0)))

static void test_programs(void **state)
{
    int (*const hostile[])(void) = {execute,  execute_at, trace,    read_memory, write_memory,
                                    load_bpf, use_keys,   do_mount, do_unshare,  do_setns};

    (void)state;
    NEEDS_SANDBOX();
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        assert_int_equal(run_child(hostile[i]), 1000 + SIGSYS);
}

static void test_processes(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(begin_process), EPERM);
    assert_int_equal(run_child(signal_other), EPERM);
    assert_int_equal(run_child(signal_thread), EPERM);
}

static void *try_passwd(void *reason)
{
    *(int *)reason = open_for("/etc/passwd", O_RDONLY);
    return NULL;
}

static int begin_thread(void)
{
    pthread_t thread;
    int reason = 0;

    enter("models");
    if (pthread_create(&thread, NULL, try_passwd, &reason) != 0)
        return 1;
    pthread_join(thread, NULL);
    return reason;
}

static void test_threads(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(begin_thread), EACCES);
}

static int gate[2];

static void *try_socket(void *reason)
{
    char byte;

    if (read(gate[0], &byte, 1) == 1)
        *(int *)reason = why(socket(AF_INET, SOCK_STREAM, 0));
    return NULL;
}

static int use_older_thread(void)
{
    pthread_t thread;
    int reason = 0;

    if (pipe(gate) != 0 || pthread_create(&thread, NULL, try_socket, &reason) != 0)
        return 1;
    enter("models");
    if (write(gate[1], "x", 1) != 1)
        return 2;
    pthread_join(thread, NULL);
    return reason;
}

static void test_older_threads(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(use_older_thread), EPERM);
}

static int abort_process(void)
{
    enter("models");
    abort();
}

static void test_abort(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(abort_process), 1000 + SIGABRT);
}

SANDBOXED(open_inet, "models", why(socket(AF_INET, SOCK_STREAM, 0)))
SANDBOXED(open_unix, "models", why(socket(AF_UNIX, SOCK_DGRAM, 0)))
SANDBOXED(open_netlink, "models", why(socket(AF_NETLINK, SOCK_RAW, 0)))

static int bind_and_connect(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    enter("models");
    int reason = why(bind(fd, (const struct sockaddr *)&any, sizeof any));
    return reason == EPERM ? why(connect(fd, (const struct sockaddr *)&any, sizeof any)) : 1;
}

static void test_new_sockets(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(open_inet), EPERM);
    assert_int_equal(run_child(open_unix), EPERM);
    assert_int_equal(run_child(open_netlink), EPERM);
    assert_int_equal(run_child(bind_and_connect), EPERM);
}

static int serve(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    char byte;

    if (bind(listener, (struct sockaddr *)&here, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &size) != 0 ||
        connect(client, (struct sockaddr *)&here, size) != 0)
        return 1;
    enter("models");
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (accepted < 0 || send(accepted, "x", 1, MSG_NOSIGNAL) != 1)
        return 2;
    return recv(client, &byte, 1, 0) == 1 ? 0 : 3;
}

static void test_serving(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(serve), 0);
}

static int compile_code(void)
{
    enter("models");
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? 1 : why(mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
}

static int map_library(void)
{
    enter("models");
    int fd = open("models/a.safetensors", O_RDONLY);
    void *map = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd < 0 || map == MAP_FAILED)
        return 1;
    return mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0;
}

static void test_code(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(compile_code), 0);
    assert_int_equal(run_child(map_library), EACCES);
}

static int raise_core_limit(void)
{
    struct rlimit limit;

    enter("models");
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
        return 1;
    return why(setrlimit(RLIMIT_CORE, &limit));
}

static void test_limits(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(raise_core_limit), EPERM);
}

SANDBOXED(call_openat2, "models", why(syscall(437, AT_FDCWD, "models", NULL, 0)))
SANDBOXED(call_clone3, "models", why(syscall(435, NULL, 0)))
SANDBOXED(call_of_later_kernel, "models", why(syscall(9999)))
SANDBOXED(call_known_one, "models", why(syscall(SYS_setuid, 0)))

static void test_unknown_calls(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(call_openat2), ENOSYS);
    assert_int_equal(run_child(call_clone3), ENOSYS);
    assert_int_equal(run_child(call_of_later_kernel), ENOSYS);
    assert_int_equal(run_child(call_known_one), EPERM);
}

static int explain(void)
{
    struct px_sandbox sandbox;
    struct px_error err;

    px_sandbox_enter(&sandbox, &(struct px_sandbox_options){.models = "models"});
    px_fail(&err, PX_E_IO, "secret: cannot open");
    px_sandbox_explain(&sandbox, "secret", &err);
    if (!strstr(err.message, "secret: cannot open; the sandbox lets") ||
        !strstr(err.message, "restart it"))
        return 1;
    px_fail(&err, PX_E_IO, "as it was");
    px_sandbox_explain(&sandbox, "models/a.safetensors", &err);
    px_sandbox_explain(&sandbox, "models/none.safetensors", &err);
    return strcmp(err.message, "as it was") == 0 ? 0 : 2;
}

static void test_explanation(void **state)
{
    (void)state;
    NEEDS_SANDBOX();
    assert_int_equal(run_child(explain), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("models can be read, also those that a link leads to", test_reading),
        CHECK("other files cannot, nor can other folders be listed", test_reading_others),
        CHECK("if the folder is a link, it may lead to the folder's neighbour later",
              test_changed_link),
        CHECK("nothing can be opened for writing", test_opening_for_writing),
        CHECK("files cannot be made, removed, renamed, linked or changed", test_changing_files),
        CHECK("a socket's file can be removed if it is to be, and no other", test_removing),
        CHECK("a file that is read again may be replaced, but not in a home", test_file),
        CHECK("executing, tracing, mounting and their like kill the process", test_programs),
        CHECK("no process can be made or signalled", test_processes),
        CHECK("threads can be made, and have the same restrictions", test_threads),
        CHECK("threads that were there before are kept from system calls, too", test_older_threads),
        CHECK("abort() still works", test_abort),
        CHECK("no socket can be opened, bound or connected", test_new_sockets),
        CHECK("sockets that are open accept connections", test_serving),
        CHECK("memory can be made executable, files cannot be mapped as code", test_code),
        CHECK("core dumps are off, and no limit can be changed", test_limits),
        CHECK("calls of later kernels are missing, older ones are forbidden", test_unknown_calls),
        CHECK("a file that cannot be read because of it gets the reason and the remedy",
              test_explanation),
    };
    px_log_set_level(PX_LOG_ERROR);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
