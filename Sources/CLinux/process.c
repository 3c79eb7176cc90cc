#define _GNU_SOURCE
#include "CLinux.h"
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// A route holds the descriptor + 1, so that 0 means "none" without an initialiser.
static atomic_int routes[NSIG];
static atomic_int running_handlers;
static struct sigaction former[NSIG];

// Async-signal-safe: lock-free atomics and write(2) (signal-safety(7)).
static void forward(int signal) {
    int saved = errno;
    atomic_fetch_add(&running_handlers, 1);
    int route = atomic_load(&routes[signal]);
    if (route > 0) {
        unsigned char number = (unsigned char)signal;
        // A full pipe means that thousands are unread: one more would say nothing new.
        ssize_t ignored = write(route - 1, &number, 1);
        (void)ignored;
    }
    atomic_fetch_sub(&running_handlers, 1);
    errno = saved;
}

int clinux_signal_route(int signal, int descriptor) {
    if (signal <= 0 || signal >= NSIG) {
        errno = EINVAL;
        return -1;
    }
    int none = 0;
    if (!atomic_compare_exchange_strong(&routes[signal], &none, descriptor + 1)) {
        errno = EBUSY;
        return -1;
    }
    struct sigaction action = {.sa_handler = forward, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    if (sigaction(signal, &action, &former[signal]) != 0) {
        atomic_store(&routes[signal], 0);
        return -1;
    }
    return 0;
}

void clinux_signal_unroute(int signal) {
    sigaction(signal, &former[signal], NULL);
    atomic_store(&routes[signal], 0);
    while (atomic_load(&running_handlers) > 0) sched_yield();
}

int clinux_signal_mask(int signal, int blocked) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    errno = pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
    return errno == 0 ? 0 : -1;
}

int clinux_signal_ignore(int signal, int ignored) {
    struct sigaction action = {.sa_handler = ignored ? SIG_IGN : SIG_DFL};
    return sigaction(signal, &action, NULL);
}

int clinux_spawn(pid_t *process, const char *path, char *const *arguments, char *const *environment,
                 const int *sources, const int *targets, size_t mappings, const int *blocked, size_t blocked_count) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return failure;
    }

    sigset_t mask, all;
    sigemptyset(&mask);
    for (size_t index = 0; index < blocked_count; index++) sigaddset(&mask, blocked[index]);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setsigdefault(&attributes, &all);
    failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    int highest = 2;
    for (size_t index = 0; index < mappings && failure == 0; index++) {
        // dup2(2) leaves close-on-exec off on the target and only there.
        failure = posix_spawn_file_actions_adddup2(&actions, sources[index], targets[index]);
        if (targets[index] > highest) highest = targets[index];
    }
    for (int number = 3; number <= highest && failure == 0; number++) {
        size_t index = 0;
        while (index < mappings && targets[index] != number) index++;
        if (index == mappings) failure = posix_spawn_file_actions_addclose(&actions, number);
    }
    if (failure == 0) failure = posix_spawn_file_actions_addclosefrom_np(&actions, highest + 1);
    clinux_take_process_priority();
    if (failure == 0) failure = posix_spawn(process, path, &actions, &attributes, arguments, environment);

    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

int clinux_wait(pid_t process, int block, int *code) {
    int status;
    pid_t got;
    do {
        got = waitpid(process, &status, block ? 0 : WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return -1;
    if (got == 0) return 0;
    if (WIFEXITED(status)) {
        *code = WEXITSTATUS(status);
        return 1;
    }
    *code = WTERMSIG(status);
    return 2;
}

void clinux_await_end(pid_t child) {
    siginfo_t facts;
    while (waitid(P_PID, (id_t)child, &facts, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
}

pid_t clinux_ended_child(void) {
    siginfo_t facts = {.si_pid = 0};
    int outcome;
    do {
        outcome = waitid(P_ALL, 0, &facts, WEXITED | WNOHANG | WNOWAIT);
    } while (outcome != 0 && errno == EINTR);
    return outcome == 0 ? facts.si_pid : 0;
}

// Adds the ended children of one thread to a list.
static int add_ended_children(const char *thread, pid_t *children, int found, int count) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/children", thread);
    FILE *list = fopen(path, "re");
    // A thread that has just ended has no children.
    if (list == NULL) return found;
    int child;
    while (found < count && fscanf(list, "%d", &child) == 1) {
        siginfo_t facts = {.si_pid = 0};
        if (waitid(P_PID, (id_t)child, &facts, WEXITED | WNOHANG | WNOWAIT) == 0 && facts.si_pid == child) children[found++] = child;
    }
    fclose(list);
    return found;
}

int clinux_ended_children(pid_t *children, int count) {
    DIR *threads = opendir("/proc/self/task");
    int found = 0;
    for (struct dirent *entry; threads != NULL && found < count && (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] != '.') found = add_ended_children(entry->d_name, children, found, count);
    }
    if (threads != NULL) closedir(threads);
    // A kernel without lists of children shows one at a time.
    if (found == 0 && count > 0 && (children[0] = clinux_ended_child()) > 0) found = 1;
    return found;
}

int clinux_is_reaper(void) {
    int is_subreaper = 0;
    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0);
}

int clinux_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int clinux_affinity_count(void) {
    // Machines have at most so many processors that the mask fits: the kernel's own limit is 8192.
    unsigned long mask[1024];
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long word = 0; word < bytes / (long)sizeof *mask; word++) count += __builtin_popcountl(mask[word]);
    return bytes > 0 ? count : -1;
}

char *const *clinux_environment(void) {
    return environ;
}

int clinux_forbid_core_files(void) {
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none);
}

int clinux_descriptor_kind(int descriptor) {
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) return -1;
    if (S_ISFIFO(facts.st_mode)) return 1;
    if (!S_ISSOCK(facts.st_mode)) return 0;
    int type = 0, listening = 0;
    socklen_t size = sizeof type;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return 0;
    if (type == SOCK_SEQPACKET) return 3;
    size = sizeof listening;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) return 0;
    return type == SOCK_STREAM && listening ? 2 : 0;
}

int clinux_message_sockets(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
}

int clinux_pipe(int pair[2], int nonblocking) {
    return pipe2(pair, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0));
}

ssize_t clinux_write_now(int descriptor, const void *bytes, size_t count) {
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) return -1;
    if (S_ISSOCK(facts.st_mode)) return send(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (S_ISFIFO(facts.st_mode)) {
        // The kernel's "not now" for pipes is younger than the call.
        struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
        ssize_t done = pwritev2(descriptor, &piece, 1, -1, RWF_NOWAIT);
        if (done >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return done;
    }
    return write(descriptor, bytes, count);
}

int clinux_flush_output(void) {
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}

int clinux_set_title(const char *title, const char *name) {
    char cut[16];
    snprintf(cut, sizeof cut, "%s", name);
    prctl(PR_SET_NAME, cut);
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL) return -1;
    char line[2048];
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    // The second field is a name that may hold anything; arg_start and arg_end are the 48th and 49th (proc(5)).
    char *place = got == NULL ? NULL : strrchr(line, ')');
    if (place == NULL) return -1;
    place += 1;
    unsigned long begin = 0, end = 0;
    for (int field = 3; field <= 49; field++) {
        place = strchr(place, ' ');
        if (place == NULL) return -1;
        place += 1;
        if (field == 48) begin = strtoul(place, NULL, 10);
        if (field == 49) end = strtoul(place, NULL, 10);
    }
    if (begin == 0 || end <= begin) return -1;
    size_t room = (size_t)(end - begin), length = strlen(title);
    if (length > room - 1) length = room - 1;
    memset((void *)begin, 0, room);
    memcpy((void *)begin, title, length);
    return 0;
}
