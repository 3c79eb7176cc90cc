import Foundation
import Synchronization
import TestSupport

/// A child process whose output goes to files, so that no pipe can fill up or be inherited by a sibling.
final class SpawnedCommand: Sendable {
    /// How a process ended.
    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    let pid: pid_t
    private let state = Mutex<(ending: Ending?, waiters: [CheckedContinuation<Ending, Never>])>((nil, []))

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - words: The program, looked up in PATH, and its arguments.
    ///   - environment: The whole environment of the child.
    ///   - output: File for standard output; `/dev/null` by default.
    ///   - errors: File for standard error; appended to.
    ///   - passing: Descriptors that the child is to have as 3 and the following.
    init(
        _ words: [String],
        environment: [String: String],
        output: String = "/dev/null",
        errors: String = "/dev/null",
        passing: [Int32] = []
    ) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)

        // Above all targets, so that none overwrites another's source.
        let copies = passing.map { fcntl($0, F_DUPFD_CLOEXEC, 100) }
        defer { for copy in copies { close(copy) } }
        for (index, copy) in copies.enumerated() { unsafe posix_spawn_file_actions_adddup2(&actions, copy, Int32(3 + index)) }

        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe (arguments + settings).forEach { unsafe free($0) } }
        // The threads of tests block signals, and not every program unblocks those that it wants.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid = pid_t()
        let failure = unsafe posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, &settings)
        guard failure == 0 else { throw TestFailure("cannot start \(words[0]): errno \(failure)") }
        self.pid = pid
        Thread.detachNewThread { self.reap() }
    }

    /// How the process ended; `nil` while it runs.
    var ending: Ending? { self.state.withLock { $0.ending } }

    /// Suspends until the process has ended.
    func waitForEnd() async -> Ending {
        await withCheckedContinuation { continuation in
            let ending = self.state.withLock { state -> Ending? in
                if state.ending == nil { state.waiters.append(continuation) }
                return state.ending
            }
            if let ending { continuation.resume(returning: ending) }
        }
    }

    /// Sends a signal, unless the process has ended.
    func signal(_ number: Int32) {
        self.state.withLock { state in
            if state.ending == nil { _ = kill(self.pid, number) }
        }
    }

    // The end is noted under the lock before the number is free for another process, so `signal` cannot hit a stranger.
    private func reap() {
        var information = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(self.pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiters = self.state.withLock { state in
            var status: Int32 = 0
            while unsafe waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
            let number = status & 0x7f
            state.ending = number == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: number)
            defer { state.waiters = [] }
            return state.waiters
        }
        guard let ending = self.ending else { return }
        for waiter in waiters { waiter.resume(returning: ending) }
    }
}
