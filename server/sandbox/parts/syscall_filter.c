#include "server/sandbox/parts/syscall_filter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

/* From here on numbers mean the same on every processor, and calls are younger than those below. */
enum { FIRST_YOUNG = 424 };

/* Calls of the 32-bit interface to 64-bit Linux have this bit. */
enum { X32 = 0x40000000 };

/* What newer C libraries use: PR_SET_VMA, to label memory, and the later way to ask whether a
 * descriptor is a terminal. */
enum { NAME_MEMORY = 0x53564d41 };
static const uint32_t ask_terminal = 0x802c542a; /* TCGETS2 */

static const int allowed[] = {
    /* the hot ones first */
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_accept4,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_sendto,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_shutdown,
    SYS_setsockopt,
    SYS_mprotect,
    SYS_munmap,
    SYS_madvise,
    SYS_clock_gettime,
    SYS_rt_sigtimedwait,
    /* sockets that are open */
    SYS_accept,
    SYS_listen,
    SYS_recvmsg,
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    /* descriptors */
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_lseek,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_getdents64,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_eventfd2,
    SYS_pipe2,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    SYS_fadvise64,
    SYS_statfs,
    SYS_fstatfs,
    /* names of files */
    SYS_readlinkat,
    SYS_faccessat,
    SYS_getcwd,
    /* memory */
    SYS_brk,
    SYS_mremap,
    SYS_mincore,
    SYS_membarrier,
    SYS_get_mempolicy,
    /* threads */
    SYS_exit,
    SYS_exit_group,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_getattr,
    SYS_sched_setattr,
    SYS_gettid,
    SYS_getcpu,
    /* signals */
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_sigaltstack,
    SYS_restart_syscall,
    /* time */
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_times,
    /* about the process and the machine */
    SYS_getpid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrusage,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrandom,
#ifdef __x86_64__
    SYS_epoll_wait,
    SYS_poll,
    SYS_select,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_dup2,
    SYS_time,
    SYS_getrlimit,
    SYS_arch_prctl,
#endif
/* The headers of Debian 12 have these. */
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
};

static const int removal[] = {
    SYS_unlinkat,
#ifdef SYS_unlink
    SYS_unlink,
#endif
};

static const int fatal[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_open_by_handle_at,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_pidfd_getfd,
};

enum { MAX_CODE = 640 };

struct program {
    struct sock_filter code[MAX_CODE];
    size_t size;
};

/* One instruction; jumps are numbers of instructions to leave out. */
static void emit(struct program *program, int code, uint32_t k, int if_true, int if_false)
{
    assert(program->size < MAX_CODE && if_true >= 0 && if_true < 256 && if_false >= 0 &&
           if_false < 256);
    program->code[program->size++] = (struct sock_filter){
        .code = (uint16_t)code, .jt = (uint8_t)if_true, .jf = (uint8_t)if_false, .k = k};
}

static void load(struct program *program, size_t offset)
{
    emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The low half of an argument, on processors that store it first. */
static void load_argument(struct program *program, int index)
{
    load(program, offsetof(struct seccomp_data, args) + 8 * (size_t)index);
}

static void finish(struct program *program, uint32_t action)
{
    emit(program, BPF_RET | BPF_K, action, 0, 0);
}

static void finish_with(struct program *program, int number)
{
    finish(program, SECCOMP_RET_ERRNO | (uint32_t)number);
}

/* What follows, `count` instructions that end with a return, is for this call only. */
static void for_call(struct program *program, int call, int count)
{
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, count);
}

static void for_calls(struct program *program, const int *calls, size_t count, uint32_t action)
{
    for (size_t i = 0; i < count; i++) {
        for_call(program, calls[i], 1);
        finish(program, action);
    }
}

/* Bits of an argument, and the reason for failing where they are others. */
struct wanted_bits {
    int index;
    uint32_t mask, bits;
    int reason;
};

static void allow_bits(struct program *program, int call, const struct wanted_bits *wanted)
{
    for_call(program, call, 5);
    load_argument(program, wanted->index);
    emit(program, BPF_ALU | BPF_AND | BPF_K, wanted->mask, 0, 0);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, wanted->bits, 0, 1);
    finish(program, SECCOMP_RET_ALLOW);
    finish_with(program, wanted->reason);
}

/* Allowed if an argument is one of these. */
static void allow_values(struct program *program, int call, int index, const uint32_t *values,
                         int count)
{
    for_call(program, call, count + 3);
    load_argument(program, index);
    for (int i = 0; i < count; i++)
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, values[i], count - i, 0);
    finish_with(program, EPERM);
    finish(program, SECCOMP_RET_ALLOW);
}

/* Reading limits, not setting them: the new ones must be NULL, in both halves. */
static void allow_reading_limits(struct program *program)
{
    const size_t at = offsetof(struct seccomp_data, args) + 2 * sizeof(uint64_t);

    for_call(program, SYS_prlimit64, 6);
    load(program, at);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
    load(program, at + 4);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    finish(program, SECCOMP_RET_ALLOW);
    finish_with(program, EPERM);
}

/* Files may be mapped, and memory may be executable, but not both. */
static void allow_mapping(struct program *program)
{
    for_call(program, SYS_mmap, 6);
    load_argument(program, 2);
    emit(program, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 2);
    load_argument(program, 3);
    emit(program, BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1);
    finish(program, SECCOMP_RET_ALLOW);
    finish_with(program, EACCES);
}

static void begin(struct program *program)
{
    load(program, offsetof(struct seccomp_data, arch));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    finish(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    emit(program, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    finish(program, SECCOMP_RET_KILL_PROCESS);
#endif
}

static void make(struct program *program, bool removing)
{
    const uint32_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    const uint32_t thread = CLONE_THREAD | CLONE_VM;
    const uint32_t ioctls[] = {TCGETS, ask_terminal, FIONREAD, FIONBIO};
    const uint32_t prctls[] = {PR_SET_NAME, PR_GET_NAME, NAME_MEMORY};
    const uint32_t self = (uint32_t)getpid();

    begin(program);
    for_calls(program, allowed, sizeof allowed / sizeof *allowed, SECCOMP_RET_ALLOW);
    if (removing)
        for_calls(program, removal, sizeof removal / sizeof *removal, SECCOMP_RET_ALLOW);
    allow_mapping(program);
    allow_bits(program, SYS_openat, &(struct wanted_bits){2, writing, 0, EACCES});
#ifdef SYS_open
    allow_bits(program, SYS_open, &(struct wanted_bits){1, writing, 0, EACCES});
#endif
    allow_bits(program, SYS_clone, &(struct wanted_bits){0, thread, thread, EPERM});
    allow_reading_limits(program);
    allow_values(program, SYS_ioctl, 1, ioctls, 4);
    allow_values(program, SYS_prctl, 0, prctls, 3);
    allow_values(program, SYS_tgkill, 0, &self, 1); /* abort() */
    for_calls(program, fatal, sizeof fatal / sizeof *fatal, SECCOMP_RET_KILL_PROCESS);
    emit(program, BPF_JMP | BPF_JGE | BPF_K, FIRST_YOUNG, 0, 1);
    finish_with(program, ENOSYS);
    finish_with(program, EPERM);
}

int px_syscall_filter_install(bool removing)
{
    /* Without the second flag, kernels before 5.16 slow down every load behind a store. */
    static const unsigned flags[] = {SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                                     SECCOMP_FILTER_FLAG_TSYNC};
    struct program program = {.size = 0};
    long rc = -1;

    if (ARCHITECTURE == 0) {
        errno = ENOSYS;
        return -1;
    }
    make(&program, removing);
    const struct sock_fprog filter = {.len = (unsigned short)program.size, .filter = program.code};
    for (size_t i = 0; i < 2 && rc != 0; i++)
        rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[i], &filter);
    if (rc > 0)
        errno = ESRCH; /* the thread of this number cannot be restricted */
    return rc == 0 ? 0 : -1;
}
