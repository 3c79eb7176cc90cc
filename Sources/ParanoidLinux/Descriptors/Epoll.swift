internal import CLinux
internal import Glibc

/// An epoll set that any number of threads wait on together; each event is handed to one of them (`epoll(7)`).
package struct Epoll: ~Copyable, Sendable {
    /// What a registration waits for and how often it reports.
    package struct Interest: OptionSet, Sendable {
        /// The bits of `epoll_event.events`.
        package let rawValue: UInt32

        /// Creates a set from its bits.
        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Bytes, a connection to accept, or the end of the stream.
        package static var readable: Self { Self(rawValue: CLINUX_EPOLLIN) }
        /// The peer has closed its end, or half of it.
        package static var hangUp: Self { Self(rawValue: CLINUX_EPOLLRDHUP) }
        /// Of several epoll sets (of several processes) only one is woken.
        package static var exclusive: Self { Self(rawValue: CLINUX_EPOLLEXCLUSIVE) }
        /// Reports once and then nothing until ``Epoll/rearm(_:tag:interest:)``.
        package static var oneShot: Self { Self(rawValue: CLINUX_EPOLLONESHOT) }
        /// Reports arrivals, not states: once per change.
        package static var edge: Self { Self(rawValue: CLINUX_EPOLLET) }
    }

    /// One report.
    package struct Event: Sendable {
        /// The number given with the registration.
        package let tag: UInt64
        /// Whether the peer has gone or the descriptor is broken.
        package let hasHungUp: Bool

        fileprivate init(_ event: epoll_event) {
            let broken = CLINUX_EPOLLRDHUP | UInt32(EPOLLHUP.rawValue) | UInt32(EPOLLERR.rawValue)
            unsafe self.tag = event.data.u64
            unsafe self.hasHungUp = event.events & broken != 0
        }
    }

    private let descriptor: OwnedDescriptor

    /// Creates an empty set, close-on-exec.
    package init() throws(SystemCallError) {
        let number = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard number >= 0 else { throw SystemCallError("epoll_create1") }
        self.descriptor = OwnedDescriptor(owning: number)
    }

    /// Registers a descriptor; what is already there is reported at once.
    package borrowing func add(_ number: CInt, tag: UInt64, interest: Interest) throws(SystemCallError) {
        try self.control(CInt(EPOLL_CTL_ADD), number, tag, interest)
    }

    /// Changes a registration and reports anew what is there, also for one-shot and edge registrations.
    package borrowing func rearm(_ number: CInt, tag: UInt64, interest: Interest) throws(SystemCallError) {
        try self.control(CInt(EPOLL_CTL_MOD), number, tag, interest)
    }

    /// Ends a registration; closing the last descriptor of a file ends it as well.
    package borrowing func remove(_ number: CInt) throws(SystemCallError) {
        try self.control(CInt(EPOLL_CTL_DEL), number, 0, [])
    }

    /// The most events that one call gives.
    package static let mostEvents = 8

    /// Waits for one event, and takes others along that are there already; those that are left stay for other threads.
    ///
    /// - Parameters:
    ///   - milliseconds: The longest wait; -1 waits for ever, 0 not at all.
    ///   - limit: The most events, up to ``mostEvents``.
    ///   - others: Gets the events behind the first.
    /// - Returns: The first event; `nil` after the time, and when a signal came.
    package borrowing func wait(milliseconds: CInt, atMost limit: Int = 1, others: (Event) -> Void = { _ in }) -> Event? {
        let limit = max(1, min(limit, Self.mostEvents))
        return unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.mostEvents) { events in
            let count = unsafe epoll_wait(self.descriptor.number, events.baseAddress, CInt(limit), milliseconds)
            guard count > 0 else { return nil }
            for index in 1..<max(1, Int(count)) { unsafe others(Event(events[index])) }
            return unsafe Event(events[0])
        }
    }

    private borrowing func control(
        _ operation: CInt,
        _ number: CInt,
        _ tag: UInt64,
        _ interest: Interest
    ) throws(SystemCallError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data.u64 = tag
        guard unsafe epoll_ctl(self.descriptor.number, operation, number, &event) == 0 else {
            throw SystemCallError("epoll_ctl")
        }
    }
}

/// Waiting for a handful of descriptors at once (`poll(2)`); servers with thousands use an epoll.
package enum DescriptorPoll {
    /// Waits until a descriptor is readable or at its end, or until the time has passed.
    ///
    /// Blocks.
    ///
    /// - Parameters:
    ///   - numbers: Open descriptors.
    ///   - timeout: How long to wait; `nil` waits for ever. Rounded up to milliseconds.
    /// - Returns: The positions in `numbers` that are ready; none after the time-out or when a signal came in between.
    package static func wait(for numbers: [CInt], timeout: Duration?) throws(SystemCallError) -> [Int] {
        var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard unsafe poll(&entries, nfds_t(entries.count), Self.milliseconds(timeout)) >= 0 else {
            let error = SystemCallError("poll")
            guard error.code == EINTR else { throw error }
            return []
        }
        return entries.indices.filter { entries[$0].revents != 0 }
    }

    static func milliseconds(_ timeout: Duration?) -> CInt {
        guard let timeout else { return -1 }
        let (seconds, attoseconds) = timeout.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return CInt(seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
