internal import Synchronization

/// What has happened to the sessions of this process since it started.
public final class SessionStatistics: Sendable {
    private let overwritten = Atomic<Int>(0)

    /// How often a request replaced a value as a whole that another one had changed since it was read; the later one has won.
    ///
    /// Where that matters, ``Session/merge(_:default:_:)`` and ``Session/update(_:default:_:)`` lose nothing.
    public var conflicts: Int { self.overwritten.load(ordering: .relaxed) }

    func count(conflicts: Int) {
        if conflicts > 0 { self.overwritten.add(conflicts, ordering: .relaxed) }
    }
}
