#ifndef SERVER_SANDBOX_PARTS_SYSCALL_FILTER_H
#define SERVER_SANDBOX_PARTS_SYSCALL_FILTER_H

#include <stdbool.h>

/* The system calls of a daemon that serves, as a seccomp filter for all threads of the process:
 *
 *   - what the C library, OpenMP, oneDNN, libmicrohttpd and the codecs use is allowed, some of it
 *     only with certain arguments: opening for reading, threads but not processes, executable
 *     memory but not executable files (oneDNN compiles its kernels at run time);
 *   - what nothing of ours ever calls, and attackers do first (execve, ptrace, mount, bpf, ...),
 *     kills the process: that is not to be tried twice, and the audit log has it;
 *   - the rest fails with EPERM, and calls that are younger than this list with ENOSYS, as on an
 *     older kernel: a later C library tries those first and has an older one to fall back on.
 *
 * `removing` allows removing files. 0, or -1 and errno; ENOSYS where this processor's calls are not
 * known here. */
int px_syscall_filter_install(bool removing);

#endif
