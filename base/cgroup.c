#include "base/cgroup.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"

/* The controllers that matter, as /proc/self/cgroup spells them. Version 2 has one tree for both.
 */
enum controller { CPU, MEMORY };

/* A line of /proc/self/mountinfo that mounts a tree of groups. */
struct mount {
    char top[PX_PATH_MAX];   /* the group that is mounted; "/" for the whole tree */
    char point[PX_PATH_MAX]; /* where */
    bool v2;
};

/* Where the process's group of one controller is in the file system. */
struct group_place {
    char folder[PX_PATH_MAX];
    size_t stop; /* strlen() of the folder of the highest group that can be seen */
    bool v2;
};

struct px_cgroup {
    const char *root;
    struct group_place places[2][2]; /* by controller, of version 1 and 2; no folder: not there */
};

static const char *const names[] = {[CPU] = "cpu", [MEMORY] = "memory"};

/* Whether a list such as "rw,cpu,cpuacct" has the word. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (; *list; list += *list == ',') {
        size_t m = strcspn(list, ",\n");
        if (m == n && memcmp(list, word, n) == 0)
            return true;
        list += m;
        if (*list == '\n')
            break;
    }
    return false;
}

/* A field of mountinfo, in which space, tab, newline and backslash are written \040 and so on. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text; text++)
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
            text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
            *to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 3;
        } else
            *to++ = *text;
    *to = 0;
}

/* "31 23 0:28 TOP POINT rw,relatime [shared:1 ...] - TYPE SOURCE OPTIONS". False for other lines
 * than those of the controller and the version. */
static bool read_mount(const char *line, enum controller controller, struct mount *mount)
{
    char type[16], options[512];
    const char *tail = strstr(line, " - ");

    if (!tail || sscanf(line, "%*d %*d %*s %4095s %4095s", mount->top, mount->point) != 2 ||
        sscanf(tail + 3, "%15s %*s %511s", type, options) != 2)
        return false;
    bool v2 = strcmp(type, "cgroup2") == 0;
    if (v2 != mount->v2 ||
        (!v2 && (strcmp(type, "cgroup") != 0 || !has_word(options, names[controller]))))
        return false;
    unescape(mount->top);
    unescape(mount->point);
    return true;
}

/* Calls of getline(); the caller frees *line. */
static FILE *open_lines(const char *root, const char *path)
{
    char full[PX_PATH_MAX];

    return px_path_format(full, NULL, "%s%s", root, path) ? NULL : fopen(full, "re");
}

static bool find_mount(const char *root, enum controller controller, struct mount *mount)
{
    FILE *file = open_lines(root, "/proc/self/mountinfo");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (file && !found && getline(&line, &room, file) > 0)
        found = read_mount(line, controller, mount);
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* The path of the process's group: "0::/a/b" in version 2, "3:cpu,cpuacct:/a/b" in version 1. */
static bool find_group(const char *root, enum controller controller, bool v2,
                       char group[static PX_PATH_MAX])
{
    FILE *file = open_lines(root, "/proc/self/cgroup");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (file && !found && getline(&line, &room, file) > 0) {
        char *list = strchr(line, ':');
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        found = (v2 ? strcmp(line, "0:") == 0 : has_word(list + 1, names[controller])) &&
                px_path_format(group, NULL, "%s", path) == 0;
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* The part of `group` below `top`, or "" if it is not below: then the container that made the mount
 * names groups otherwise, and what is mounted is our own group. */
static const char *below(const char *group, const char *top)
{
    size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);

    if (strncmp(group, top, n) != 0 || group[n] != '/' || group[n + 1] == 0 || strstr(group, "/.."))
        return "";
    return group + n;
}

/* The folder is "" if the controller is not in that version. */
static void find_place(const char *root, enum controller controller, bool v2,
                       struct group_place *place)
{
    struct mount mount = {.v2 = v2};
    char group[PX_PATH_MAX];

    place->folder[0] = 0;
    place->stop = 0;
    place->v2 = v2;
    if (!find_mount(root, controller, &mount) || !find_group(root, controller, v2, group) ||
        px_path_format(place->folder, NULL, "%s%s", root, mount.point)) {
        place->folder[0] = 0;
        return;
    }
    place->stop = strlen(place->folder);
    if (px_path_format(place->folder, NULL, "%s%s%s", root, mount.point, below(group, mount.top)) ||
        !px_path_is_folder(place->folder))
        place->folder[place->stop] = 0;
}

static void find_places(const char *root, struct px_cgroup *group)
{
    group->root = root;
    for (int controller = CPU; controller <= MEMORY; controller++)
        for (int v2 = 0; v2 < 2; v2++)
            find_place(root, (enum controller)controller, v2 == 1, &group->places[controller][v2]);
}

/* Makes it the group around; false at the highest. */
static bool go_up(struct group_place *place)
{
    size_t n = strlen(place->folder);

    assert(n >= place->stop);
    if (n == place->stop)
        return false;
    while (n > place->stop && place->folder[n - 1] != '/')
        n--;
    while (n > place->stop && place->folder[n - 1] == '/')
        n--;
    place->folder[n] = 0;
    return true;
}

/* The first line of a file, as far as it fits; "" if there is none. */
static void read_line(const struct group_place *place, const char *name, char text[static 64])
{
    char path[PX_PATH_MAX];
    FILE *file = px_path_join(path, place->folder, name, NULL) ? NULL : fopen(path, "re");

    text[0] = 0;
    if (file && !fgets(text, 64, file))
        text[0] = 0;
    if (file)
        fclose(file);
}

/* A whole number that fills the text up to white space; *end is what follows. */
static bool read_number(const char *text, uint64_t *value, const char **end)
{
    char *after;

    if (*text < '0' || *text > '9')
        return false;
    *value = strtoull(text, &after, 10);
    *end = after + strspn(after, " \n");
    return *after == 0 || *after == ' ' || *after == '\n';
}

/* CPUs that the group may use; INFINITY if nothing limits it. */
static double cpus_of(const struct group_place *place)
{
    char quota[64], period[64];
    uint64_t used, of;
    const char *end;

    read_line(place, place->v2 ? "cpu.max" : "cpu.cfs_quota_us", quota);
    if (!read_number(quota, &used, &end)) /* "max 100000", "-1" */
        return INFINITY;
    if (!place->v2) {
        read_line(place, "cpu.cfs_period_us", period);
        end = period;
    }
    if (!read_number(end, &of, &end) || used == 0 || of == 0)
        return INFINITY;
    return (double)used / (double)of;
}

/* Bytes that the group may use; UINT64_MAX if nothing limits it. */
static uint64_t memory_of(const struct group_place *place)
{
    char text[64];
    uint64_t limit;
    const char *end;

    read_line(place, place->v2 ? "memory.max" : "memory.limit_in_bytes", text);
    if (!read_number(text, &limit, &end) || limit >= UINT64_C(1) << 62) /* version 1's unlimited */
        return UINT64_MAX;
    return limit;
}

/* Makes `place` the group with the smallest limit, which is returned; unchanged if there is none.
 */
static double tightest(struct group_place *place, enum controller controller)
{
    struct group_place at = *place;
    double best = INFINITY;

    do {
        uint64_t memory = controller == MEMORY ? memory_of(&at) : 0;
        double limit = controller == CPU     ? cpus_of(&at)
                       : memory < UINT64_MAX ? (double)memory
                                             : INFINITY;
        if (limit < best) {
            best = limit;
            *place = at;
        }
    } while (go_up(&at));
    return best;
}

/* The tightest group of either version; false if the controller is in neither. */
static bool find_tightest(const struct px_cgroup *group, enum controller controller,
                          struct group_place *place, double *limit)
{
    struct group_place v1 = group->places[controller][0];

    *place = group->places[controller][1];
    bool is_v2 = place->folder[0] != 0;
    *limit = is_v2 ? tightest(place, controller) : INFINITY;
    if (v1.folder[0] == 0)
        return is_v2;
    double limit_v1 = tightest(&v1, controller);
    if (!is_v2 || limit_v1 <= *limit) { /* also if there is none: then version 1 has the files */
        *place = v1;
        *limit = limit_v1;
    }
    return true;
}

/* The name of a file of the group, for people: without the root. */
static void name_file(const char *root, const struct group_place *place, const char *name,
                      char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%s", place->folder + strlen(root), name);

    if (n < 0 || (size_t)n >= size)
        snprintf(out, size, "%s", name);
}

static void read_throttling(const struct group_place *place, struct px_cgroup_usage *usage)
{
    FILE *file = open_lines(place->folder, "/cpu.stat");
    char key[64];
    uint64_t value;

    while (file && fscanf(file, "%63s %" SCNu64, key, &value) == 2) {
        if (strcmp(key, "nr_throttled") == 0)
            usage->throttled_periods = value;
        else if (strcmp(key, "throttled_usec") == 0) /* version 2 */
            usage->throttled_seconds = (double)value * 1e-6;
        else if (strcmp(key, "throttled_time") == 0) /* version 1 */
            usage->throttled_seconds = (double)value * 1e-9;
    }
    if (file)
        fclose(file);
}

static void read_cpus(const struct px_cgroup *group, struct px_cgroup_limits *limits,
                      struct px_cgroup_usage *usage)
{
    struct group_place place;
    double limit;

    if (!find_tightest(group, CPU, &place, &limit))
        return;
    read_throttling(&place, usage);
    if (limit == INFINITY)
        return;
    limits->cpus = limit;
    name_file(group->root, &place, place.v2 ? "cpu.max" : "cpu.cfs_quota_us", limits->cpus_file,
              sizeof limits->cpus_file);
}

static void read_memory(const struct px_cgroup *group, struct px_cgroup_limits *limits,
                        struct px_cgroup_usage *usage)
{
    struct group_place place;
    double limit;
    char text[64];
    const char *end;

    if (!find_tightest(group, MEMORY, &place, &limit))
        return;
    read_line(&place, place.v2 ? "memory.current" : "memory.usage_in_bytes", text);
    if (!read_number(text, &usage->memory, &end))
        usage->memory = 0;
    if (limit == INFINITY)
        return;
    limits->memory = memory_of(&place);
    name_file(group->root, &place, place.v2 ? "memory.max" : "memory.limit_in_bytes",
              limits->memory_file, sizeof limits->memory_file);
}

int px_cgroup_create(struct px_cgroup **out, const char *root, struct px_error *err)
{
    struct px_cgroup *group = malloc(sizeof *group);

    if (!group)
        return px_fail(err, PX_E_NOMEM, "no memory for the control group");
    find_places(root, group);
    *out = group;
    return 0;
}

void px_cgroup_destroy(struct px_cgroup *group)
{
    free(group);
}

void px_cgroup_read(const struct px_cgroup *group, struct px_cgroup_limits *limits,
                    struct px_cgroup_usage *usage)
{
    *limits = (struct px_cgroup_limits){.cpus = INFINITY, .memory = UINT64_MAX};
    *usage = (struct px_cgroup_usage){0};
    read_cpus(group, limits, usage);
    read_memory(group, limits, usage);
}

void px_cgroup_read_limits(const char *root, struct px_cgroup_limits *limits)
{
    struct px_cgroup group;
    struct px_cgroup_usage usage;

    find_places(root, &group);
    px_cgroup_read(&group, limits, &usage);
}

uint64_t px_cgroup_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
    struct px_cgroup_limits limits;

    px_cgroup_read_limits("", &limits);
    return limits.memory < machine ? limits.memory : machine;
}

int px_cgroup_cpus(int affinity, double cpus)
{
    assert(affinity >= 1 && cpus > 0);
    if (cpus >= affinity)
        return affinity;
    return cpus < 1 ? 1 : (int)cpus;
}
