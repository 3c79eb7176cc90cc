internal import CLinux
internal import Glibc
internal import Synchronization

/// Collects orphans in a process that also has children of its own: an application that serves alone as PID 1 of a container.
///
/// Nobody can tell an orphan from a child that the application has started itself. A child of its own is waited for soon; one that has ended and that
/// nobody has waited for in five seconds is collected.
package final class LateOrphans: Sendable {
    private static let mostAtOnce = 256

    private let patience = Mutex(OrphanPatience())

    package init() {}

    /// Collects what is due; called about once a second.
    ///
    /// Costs one system call while no child has ended.
    package func collect() {
        guard clinux_ended_child() > 0 else { return self.patience.withLock { $0 = OrphanPatience() } }
        var ended = [pid_t](repeating: 0, count: Self.mostAtOnce)
        let count = unsafe clinux_ended_children(&ended, CInt(ended.count))
        let due = self.patience.withLock { $0.due(Array(ended.prefix(Int(count))), at: BootClock.now()) }
        for process in due {
            var code: CInt = 0
            _ = unsafe clinux_wait(process, 0, &code)
        }
    }
}

/// For how long each child that has ended was seen: pure.
struct OrphanPatience {
    /// Five seconds, in nanoseconds.
    static let limit: Int64 = 5_000_000_000

    private var seenAt: [CInt: Int64] = [:]

    /// Takes note of the children that have ended and were not waited for.
    ///
    /// - Returns: Those that nobody will wait for.
    mutating func due(_ ended: [CInt], at now: Int64) -> [CInt] {
        var seenAt: [CInt: Int64] = [:]
        for process in ended { seenAt[process] = self.seenAt[process] ?? now }
        let due = ended.filter { now - (seenAt[$0] ?? now) >= Self.limit }
        for process in due { seenAt[process] = nil }
        self.seenAt = seenAt
        return due
    }
}
