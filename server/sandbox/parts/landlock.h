#ifndef SERVER_SANDBOX_PARTS_LANDLOCK_H
#define SERVER_SANDBOX_PARTS_LANDLOCK_H

/* Landlock (landlock(7)) by its system calls: a ruleset is a descriptor that collects what is
 * allowed, and then restricts the thread. */

#include <stddef.h>

/* The version of the kernel's interface, at most the latest that is known here; 0 if the kernel has
 * none, with errno saying why. */
int px_landlock_version(void);

/* An empty ruleset for reading and writing files, TCP, and signals and abstract unix sockets of
 * other processes, as far as the version has them: everything is refused. A descriptor, or -1 and
 * errno. */
int px_landlock_open(int version);

/* Allows reading an open file, or an open folder and all below it. 0, or -1 and errno. */
int px_landlock_allow_reading(int ruleset, int fd);

/* Allows removing files in an open folder and all below it. 0, or -1 and errno. */
int px_landlock_allow_removing(int ruleset, int fd);

/* Restricts this thread and those that it starts. Needs no_new_privs. 0, or -1 and errno. */
int px_landlock_restrict(int ruleset);

#endif
