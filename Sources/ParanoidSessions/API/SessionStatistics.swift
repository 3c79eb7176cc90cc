internal import Synchronization

/// What has happened to the sessions of this process since it started.
public final class SessionStatistics: Sendable {
    private let overwritten = Atomic<Int>(0)
    private let events = Mutex([Int](repeating: 0, count: SessionEvent.Kind.allCases.count))

    /// How often a request replaced a value as a whole that another one had changed since it was read; the later one has won.
    ///
    /// Where that matters, ``Session/merge(_:default:_:)`` and ``Session/update(_:default:_:)`` lose nothing.
    public var conflicts: Int { self.overwritten.load(ordering: .relaxed) }

    /// How often something happened to a session.
    public func count(of kind: SessionEvent.Kind) -> Int { self.events.withLock { $0[Self.index(kind)] } }

    private static func index(_ kind: SessionEvent.Kind) -> Int { SessionEvent.Kind.allCases.firstIndex(of: kind) ?? 0 }

    func count(_ kind: SessionEvent.Kind) {
        let index = Self.index(kind)
        self.events.withLock { $0[index] += 1 }
    }

    func count(conflicts: Int) {
        if conflicts > 0 { self.overwritten.add(conflicts, ordering: .relaxed) }
    }
}
