// Processes and signals: what Swift cannot call, because it is a macro, a cast, variadic, or runs inside a signal handler.
#ifndef PARANOID_CLINUX_PROCESS_H
#define PARANOID_CLINUX_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/// From now on `signal` writes its number, one byte, into `descriptor` (a non-blocking pipe), whichever thread it reaches.
/// -1 with EBUSY if the signal already has a descriptor.
int clinux_signal_route(int signal, int descriptor);
/// Gives `signal` its former disposition back. When it returns no handler can still be using the descriptor.
void clinux_signal_unroute(int signal);
/// Takes `signal` out of (`blocked` = 0) or into the calling thread's mask. 0 or -1.
int clinux_signal_mask(int signal, int blocked);
/// sigaction(2) with SIG_IGN or SIG_DFL. 0 or -1.
int clinux_signal_ignore(int signal, int ignored);

/// posix_spawn(3): all dispositions default, the signals of `blocked` (count) blocked, `sources[i]` on `targets[i]`, 1 and 2 as they are,
/// every other descriptor closed. All sources must be above all targets and close-on-exec. Returns 0 or the error number.
int clinux_spawn(pid_t *process, const char *path, char *const *arguments, char *const *environment,
                 const int *sources, const int *targets, size_t mappings, const int *blocked, size_t blocked_count);
/// waitpid(2), retried on EINTR. 1: `*code` is the exit status; 2: it is the signal that ended the process; 0: still running; -1: error.
int clinux_wait(pid_t process, int block, int *code);
/// A child that has ended and was not waited for yet (waitid(2) with WNOWAIT), or 0.
pid_t clinux_ended_child(void);
/// The children that have ended and were not waited for yet, in any order, at most `count`. How many.
int clinux_ended_children(pid_t *children, int count);
/// Blocks until a child has ended, which stays to be waited for; also returns when another has waited for it.
void clinux_await_end(pid_t child);
/// Whether orphans become children of this process: it is PID 1, or PR_SET_CHILD_SUBREAPER is set (prctl(2)).
int clinux_is_reaper(void);
/// PR_SET_CHILD_SUBREAPER. 0 or -1.
int clinux_become_subreaper(void);
/// How many processors the calling thread may run on (sched_getaffinity(2)), or -1.
int clinux_affinity_count(void);
/// Tells the processor that the calling thread waits for another one for a moment.
static inline void clinux_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}
/// The process's environment, a NULL-terminated list.
char *const *clinux_environment(void);

/// No core files, soft and hard limit (setrlimit(2)). 0 or -1.
int clinux_forbid_core_files(void);

/// 1: a pipe; 2: a listening stream socket; 3: a message socket (SOCK_SEQPACKET); 0: anything else; -1: not open.
int clinux_descriptor_kind(int descriptor);
/// socketpair(2) of SOCK_SEQPACKET sockets, close-on-exec and non-blocking. 0 or -1.
int clinux_message_sockets(int pair[2]);
/// pipe2(2), close-on-exec, and non-blocking if asked. 0 or -1.
int clinux_pipe(int pair[2], int nonblocking);

/// Puts a text in the place of the program's arguments, as ps(1) shows them, and its last word on the main thread; texts that are too long are cut.
/// 0, or -1 where /proc does not say where the arguments are.
int clinux_set_title(const char *title, const char *name);

/// write(2) that does not wait for the reader of a socket, or of a pipe where the kernel can do that. The count, or -1 and errno.
ssize_t clinux_write_now(int descriptor, const void *bytes, size_t count);

/// fflush(3) of stdout. 0, or -1 if this or an earlier part could not be written.
int clinux_flush_output(void);

#endif
