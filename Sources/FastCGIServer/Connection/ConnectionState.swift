/// The state of one connection and its owner: a pure state machine that fits into one atomic word.
///
/// A connection has at most one owner at a time: the thread that was told to `look` at it, and then the request served on it. Events that
/// come meanwhile are remembered in the state and given to the owner when it wants to let go; so none is lost and none starts a second
/// request.
///
/// One word per connection and no lock around all of them, because a lock that every request takes becomes a queue as soon as there are
/// more threads than cores.
struct ConnectionState: RawRepresentable, Sendable, Hashable {
    /// Where a connection is.
    enum Phase: UInt8, Sendable {
        /// There is none.
        case free
        /// Nobody owns it; an event makes somebody look.
        case waiting
        /// Owned by a thread that looks for a request.
        case reading
        /// Owned by a request.
        case serving
        /// The response is out and our side is shut; what still comes is thrown away until the peer closes.
        case lingering
        /// Owned by a thread that throws bytes away.
        case discarding
        /// Owned by whoever was told to close it.
        case closing
    }

    /// Facts that are remembered besides the phase; any of them may hold together.
    private struct Flags: OptionSet {
        let rawValue: UInt8

        /// Something happened while it was owned.
        static let unseenEvent = Flags(rawValue: 1)
        /// The peer has hung up.
        static let peerGone = Flags(rawValue: 2)
        /// The request was told to stop.
        static let aborted = Flags(rawValue: 4)
        /// The request's task can be cancelled.
        static let task = Flags(rawValue: 8)
        /// The head has to be complete, or lingering to end, at the connection's deadline.
        static let deadline = Flags(rawValue: 16)
    }

    /// The thing to do for the thread that got an event.
    enum EventAction: Sendable, Hashable {
        /// Nothing: the connection is gone or owned, and the event noted.
        case ignore
        /// The caller owns the connection and looks for a request.
        case readHead
        /// The client of a running request has gone: cancel it.
        case cancel
        /// The caller owns the connection and throws away what has arrived.
        case discard
    }

    /// The thing to do for the owner after letting go.
    enum LetGoAction: Sendable, Hashable {
        /// Nothing: the next event finds the connection.
        case sleep
        /// Something came meanwhile. After a look or a discard: still the owner, do it again. After a request: let the poll report anew.
        case again
        /// The caller closes the connection.
        case close
    }

    /// The thing to do because time is up.
    enum Expiry: Sendable, Hashable {
        /// The caller closes the connection, which waited too long for its head or its end.
        case close
        /// The caller owns an idle connection that is to be closed unless a request has just arrived.
        case closeIfSilent
        /// The time for running requests is up: cancel it and shut its connection down.
        case abort
    }

    /// Generation, version, flags and phase, from the high bits to the low.
    private(set) var rawValue: UInt64

    /// Reads a state back; every word is one.
    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// No connection yet.
    init() {
        self.rawValue = 0
    }

    /// How many connections there were before; tells late events of an old one from events of the current one.
    var generation: UInt32 { UInt32(self.rawValue >> 32) }

    /// Where the connection is.
    private(set) var phase: Phase {
        get { Phase(rawValue: UInt8(truncatingIfNeeded: self.rawValue)) ?? .closing }
        set { self.rawValue = self.rawValue & ~0xFF | UInt64(newValue.rawValue) }
    }

    /// Whether the request's task has been made known.
    var hasTask: Bool { self.flags.contains(.task) }

    /// Whether the request should be cancelled as soon as its task is known.
    var isCancelled: Bool { !self.flags.isDisjoint(with: [.peerGone, .aborted]) }

    /// Whether the connection's deadline counts.
    var hasDeadline: Bool { self.flags.contains(.deadline) }

    private var flags: Flags {
        get { Flags(rawValue: UInt8(truncatingIfNeeded: self.rawValue >> 8)) }
        set { self.rawValue = self.rawValue & ~0xFF00 | UInt64(newValue.rawValue) << 8 }
    }

    // MARK: - What happens

    /// A connection was accepted; the caller owns it and looks for a request, as usually one has come along.
    ///
    /// It has a deadline from the start: nobody opens a connection in order to keep it idle.
    ///
    /// - Returns: False while the last connection of this number is not yet forgotten.
    mutating func opened() -> Bool {
        guard self.phase == .free else { return false }
        self.flags = .deadline
        self.phase = .reading
        return true
    }

    /// The poll reported something.
    mutating func event(generation: UInt32, isHangUp: Bool) -> EventAction {
        guard self.generation == generation else { return .ignore }
        switch self.phase {
        case .waiting:
            // A hang-up is reported only once, perhaps together with a last request.
            if isHangUp { self.flags.insert(.peerGone) }
            self.phase = .reading
            return .readHead
        case .lingering:
            self.phase = .discarding
            return .discard
        case .reading, .discarding:
            self.flags.insert(isHangUp ? [.unseenEvent, .peerGone] : .unseenEvent)
            return .ignore
        case .serving:
            let isNews = isHangUp && !self.flags.contains(.peerGone)
            self.flags.insert(isHangUp ? [.unseenEvent, .peerGone] : .unseenEvent)
            return isNews && self.hasTask ? .cancel : .ignore
        case .free, .closing:
            return .ignore
        }
    }

    /// The owner found no whole request.
    ///
    /// - Parameter isPartial: Whether part of one was there, for whose rest the connection's deadline counts.
    mutating func foundNothing(isPartial: Bool) -> LetGoAction {
        self.expect(.reading)
        guard !self.flags.contains(.unseenEvent) else {
            self.flags.remove(.unseenEvent)
            return .again
        }
        guard !self.flags.contains(.peerGone) else {
            self.phase = .closing
            return .close
        }
        if isPartial { self.flags.insert(.deadline) }
        self.wait(in: .waiting)
        return .sleep
    }

    /// The owner found a request, which owns the connection from now on.
    mutating func found() {
        self.expect(.reading)
        self.flags.subtract([.deadline, .task])
        self.phase = .serving
    }

    /// The request's handler has suspended, so that its task may have to be cancelled.
    ///
    /// The caller knows that the request is not over, or that it will not be before this caller lets it.
    mutating func suspended() {
        self.expect(.serving)
        self.flags.insert(.task)
    }

    /// The request is over and its end written.
    mutating func finished(keeping: Bool) -> LetGoAction {
        self.expect(.serving)
        guard keeping, !self.isCancelled else {
            self.phase = .closing
            return .close
        }
        let again = self.flags.contains(.unseenEvent)
        self.flags.subtract([.unseenEvent, .task])
        self.wait(in: .waiting)
        return again ? .again : .sleep
    }

    /// The owner gives the connection up without a request.
    mutating func gaveUp() {
        self.expect(.reading)
        self.phase = .closing
    }

    /// The owner has shut our side and waits for the peer to close, until the connection's deadline.
    mutating func lingers() {
        self.expect(.closing)
        self.flags = .deadline
        self.wait(in: .lingering)
    }

    /// The owner has thrown away what had arrived.
    mutating func discarded(isAtEnd: Bool) -> LetGoAction {
        self.expect(.discarding)
        guard !isAtEnd else {
            self.phase = .closing
            return .close
        }
        guard !self.flags.contains(.unseenEvent) else {
            self.flags.remove(.unseenEvent)
            return .again
        }
        self.wait(in: .lingering)
        return .sleep
    }

    /// The owner is about to close the connection; events of it mean nothing from now on.
    mutating func closed() {
        self.expect(.closing)
        self = ConnectionState(rawValue: UInt64(self.generation &+ 1) << 32)
    }

    /// Looks whether the connection's time is up.
    ///
    /// - Parameters:
    ///   - isLate: Whether the connection's deadline has passed.
    ///   - isIdleTimeOver: Whether the server is draining and idle connections have been served long enough.
    ///   - isServingTimeOver: Whether the server is draining and requests have run long enough.
    mutating func expire(isLate: Bool, isIdleTimeOver: Bool, isServingTimeOver: Bool) -> Expiry? {
        switch self.phase {
        case .waiting, .lingering:
            if self.hasDeadline {
                guard isLate else { return nil }
                self.phase = .closing
                return .close
            }
            guard isIdleTimeOver else { return nil }
            self.phase = .reading
            return .closeIfSilent
        case .serving:
            guard isServingTimeOver, !self.flags.contains(.aborted) else { return nil }
            self.flags.insert(.aborted)
            return .abort
        case .free, .reading, .discarding, .closing:
            return nil
        }
    }

    /// Nobody owns it from now on.
    ///
    /// The version makes each such state another word, so that a decision about an earlier one does not fit it.
    private mutating func wait(in phase: Phase) {
        let version = UInt16(truncatingIfNeeded: self.rawValue >> 16) &+ 1
        self.rawValue = self.rawValue & ~0xFFFF_0000 | UInt64(version) << 16
        self.phase = phase
    }

    /// An owner's report on something it does not own is an error of this program.
    private func expect(_ phase: Phase) {
        precondition(self.phase == phase, "report from somebody who is not the owner")
    }
}
