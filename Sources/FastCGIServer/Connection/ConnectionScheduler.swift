internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// Drives the ``ConnectionState`` of all connections with one epoll set that all worker threads wait on.
///
/// Connections are registered edge-triggered and stay registered: the next request costs no system call for waiting again, and a client
/// that hangs up is reported while its request runs. What an edge reports while somebody owns the connection, the state remembers.
final class ConnectionScheduler: Sendable {
    /// Tags whose lower half is no descriptor's number.
    enum Tag {
        static let listener = UInt64(UInt32.max)
        static let wakeUp = 1 << 32 | UInt64(UInt32.max)
        static let help = 3 << 32 | UInt64(UInt32.max)
        static let stop = 2 << 32 | UInt64(UInt32.max)
        static let heartbeat = 4 << 32 | UInt64(UInt32.max)
        static let inbox = 5 << 32 | UInt64(UInt32.max)
        static let firstWatch: UInt64 = 16

        static func watch(_ index: Int) -> UInt64 { (Self.firstWatch + UInt64(index)) << 32 | UInt64(UInt32.max) }
        static func watchIndex(_ tag: UInt64) -> Int? {
            UInt32(truncatingIfNeeded: tag) == .max && tag >> 32 >= Self.firstWatch ? Int(tag >> 32 - Self.firstWatch) : nil
        }
    }

    private static let connectionInterest: Epoll.Interest = [.readable, .hangUp, .edge]

    /// The server's settings.
    let configuration: FastCGIServerConfiguration
    /// Judges heads.
    let inspector: RequestHeadInspector
    /// Woken when somebody has to look at the time: draining has begun or a connection was closed meanwhile.
    let timeKeeper: EventFD

    /// Hears how the server is.
    let delegate: (any ServerDelegate)?
    /// Goes off when a thread is to show that it comes round.
    let heartbeatTimer: TimerFD
    /// The time that requests take, if it is limited.
    let timers: RequestTimers?
    /// Connections that are neither waiting elsewhere nor open yet.
    let underway = Atomic<Int>(0)
    let inbox = Mutex<Inbox?>(nil)
    /// Whether the inbox is looked into while draining, as nobody else will.
    let isAlone = Atomic<Bool>(false)

    let jobs: JobQueue
    let logger: Logger
    let isUnix: Bool
    let poll: Epoll
    let stopping: EventFD
    let listener: Listener
    let buffers = BufferPool()
    let table = ConnectionTable()
    let open = Atomic<Int>(0)
    let drainStart = Atomic<Int64>(.max)
    /// How long requests take.
    let costs = RequestCosts()
    /// Requests that let others pass.
    let deferred = DeferredRequests()
    /// Events that were reported together with another one.
    private let reported = ReportedEvents()
    private let sleeping = Atomic<Int>(0)
    private let runningHandlers = Atomic<Int>(0)
    private let watches = WatchedDescriptors()
    let draining = Atomic<Bool>(false)
    let stopped = Atomic<Bool>(false)

    /// Registers the listener; nothing is accepted before threads ask for events.
    init(
        listener: consuming Listener,
        configuration: FastCGIServerConfiguration,
        delegate: (any ServerDelegate)?,
        jobs: JobQueue,
        logger: Logger
    ) throws(SystemCallError) {
        self.configuration = configuration
        self.inspector = RequestHeadInspector(
            maximumParameterBytes: configuration.maximumParameterBytes,
            maximumParameters: configuration.maximumParameters
        )
        self.delegate = delegate
        self.timers = configuration.requestDeadline.map { RequestTimers(time: $0, grace: configuration.requestGrace) }
        self.heartbeatTimer = try TimerFD()
        self.jobs = jobs
        self.logger = logger
        self.poll = try Epoll()
        self.stopping = try EventFD()
        self.timeKeeper = try EventFD()
        try self.poll.add(listener.descriptor.number, tag: Tag.listener, interest: [.readable, .exclusive])
        try self.poll.add(jobs.wakeUp.descriptor.number, tag: Tag.wakeUp, interest: .readable)
        try self.poll.add(jobs.helpTimer.descriptor.number, tag: Tag.help, interest: .readable)
        try self.poll.add(self.stopping.descriptor.number, tag: Tag.stop, interest: .readable)
        try self.poll.add(self.heartbeatTimer.descriptor.number, tag: Tag.heartbeat, interest: .readable)
        self.isUnix = listener.isUnix
        self.listener = listener
    }

    // MARK: - Events

    /// Whether threads should end.
    var isStopped: Bool { self.stopped.load(ordering: .acquiring) }

    /// Whether requests should end with the connection.
    var isDraining: Bool { self.draining.load(ordering: .relaxed) }

    /// Whether all connections are closed and no new ones come.
    ///
    /// One that has left the queue and is not open yet counts as well, and so does all that ``drain(isAlone:)`` has yet to take.
    var isDrained: Bool {
        self.drainStart.load(ordering: .sequentiallyConsistent) != .max && self.underway.load(ordering: .sequentiallyConsistent) == 0
            && self.openConnections == 0
    }

    /// Connections that are open.
    var openConnections: Int { self.open.load(ordering: .acquiring) }

    /// Whether every handler that has begun has returned.
    var hasNoRunningHandlers: Bool { self.runningHandlers.load(ordering: .acquiring) == 0 }

    /// Counts a handler that is about to begin, until ``handlerEnded()``.
    ///
    /// - Returns: Whether there is room for its request.
    func handlerBegins() -> Bool {
        self.runningHandlers.add(1, ordering: .relaxed).newValue <= self.configuration.maximumRunningRequests
    }

    /// A handler has returned; what it did before is seen by the thread that sees that none runs.
    func handlerEnded() {
        self.runningHandlers.subtract(1, ordering: .releasing)
    }

    /// Waits for an event, or for jobs; does not wait while requests are deferred.
    ///
    /// Where requests are short, several events are taken with one call. They are there for whichever thread comes round first, and one that
    /// sleeps comes round within a millisecond, should the others take longer.
    func nextEvent(jobs: JobQueue) -> Epoll.Event? {
        if let event = self.reported.next() { return event }
        // In this order, and the other way round where something is added to the two lists: it is seen here, or this thread there.
        self.sleeping.add(1, ordering: .sequentiallyConsistent)
        defer { self.sleeping.subtract(1, ordering: .sequentiallyConsistent) }
        let isIdle = self.deferred.isEmpty && self.reported.isEmpty
        guard isIdle else { return self.poll.wait(milliseconds: 0) }
        var hasMore = false
        let event = jobs.waitForEvent(in: self.poll, atMost: self.costs.eventsAtOnce) { event in
            self.reported.append(event)
            hasMore = true
        }
        if hasMore, self.sleeping.load(ordering: .sequentiallyConsistent) > 1 { jobs.callForHelpLater() }
        return event
    }

    /// Whether a thread waits for an event.
    var hasSleepingThreads: Bool { self.sleeping.load(ordering: .sequentiallyConsistent) > 0 }

    /// Does what an event asks for.
    ///
    /// - Returns: A connection with a request to serve.
    func handle(_ event: Epoll.Event, jobs: JobQueue) -> FastCGIConnection? {
        switch event.tag {
        case Tag.listener: return self.acceptOne().flatMap { self.readHead(of: $0) }
        case Tag.wakeUp: jobs.acknowledgeWakeUp()
        case Tag.help: jobs.acknowledgeHelpTimer()
        case Tag.stop: break
        case Tag.heartbeat: self.beat()
        case Tag.inbox: self.receiveArrivals()
        default:
            guard let index = Tag.watchIndex(event.tag) else { return self.handleConnection(event) }
            if let number = self.watches.call(index) {
                try? self.poll.rearm(number, tag: event.tag, interest: [.readable, .oneShot])
            }
        }
        return nil
    }

    private func handleConnection(_ event: Epoll.Event) -> FastCGIConnection? {
        let token = ConnectionToken(tag: event.tag)
        guard let connection = self.table[Int(token.number)] else { return nil }
        switch connection.update({ $0.event(generation: token.generation, isHangUp: event.hasHungUp) }) {
        case .ignore: break
        case .readHead: return self.readHead(of: connection)
        case .cancel: connection.cancelTask(generation: token.generation)
        case .discard: self.discard(connection)
        }
        return nil
    }

    // MARK: - The head of a request

    private func readHead(of connection: FastCGIConnection) -> FastCGIConnection? {
        while true {
            switch connection.receiveHead(with: self.inspector) {
            case .head(.complete(let head)):
                connection.accept(head)
                connection.update { $0.found() }
                return connection
            case .nothing:
                guard self.letGo(of: connection, isPartial: false) else { return nil }
            case .head(.incomplete):
                guard self.letGo(of: connection, isPartial: true) else { return nil }
            case .head(.management(let length)), .head(.lateAbort(let length)):
                guard connection.serveControlRecord(length) else {
                    self.giveUp(connection)
                    return nil
                }
            case .head(.unknownRole(let request)):
                self.logger.debug("A request for an unknown role was refused.")
                _ = connection.sendAll(FastCGIRecord.end(of: request, status: .unknownRole))
                self.giveUp(connection, lingering: true)
                return nil
            case .head(.refused(let reason)):
                self.refuse(connection, reason)
                return nil
            case .end:
                self.giveUp(connection, lingering: connection.isPastAnswer)
                return nil
            }
        }
    }

    /// Lets go of a connection without a whole request; true if its owner has to look again.
    func letGo(of connection: FastCGIConnection, isPartial: Bool) -> Bool {
        guard self.register(connection) else {
            self.giveUp(connection)
            return false
        }
        if isPartial, !connection.state.hasDeadline {
            connection.deadline.store(
                CoarseClock.now() &+ self.configuration.headDeadline.nanoseconds,
                ordering: .releasing
            )
        }
        switch connection.update({ $0.foundNothing(isPartial: isPartial) }) {
        case .again: return true
        case .sleep: return false
        case .close:
            self.close(connection, lingering: false)
            return false
        }
    }

    func giveUp(_ connection: FastCGIConnection, lingering: Bool = false) {
        connection.update { $0.gaveUp() }
        self.close(connection, lingering: lingering)
    }

    // MARK: - During and after a request

    /// A handler has suspended: it is told from now on when its client goes.
    func suspended(_ connection: FastCGIConnection, request: Int, _ task: Task<Void, Never>) {
        if connection.suspended(task, request: request, register: self.add) { task.cancel() }
    }

    /// A request is over.
    func finished(_ connection: FastCGIConnection, keeping: Bool, lingering: Bool) {
        let token = connection.token
        let keeping = keeping && self.register(connection)
        connection.finishedRequests.add(1, ordering: .acquiringAndReleasing)
        var action = connection.update { state in state.hasTask ? nil : state.finished(keeping: keeping) }
        if action == nil {
            // Before others can have the connection: the next task there is another one.
            connection.forgetTask()
            action = connection.update { $0.finished(keeping: keeping) }
        }
        switch action {
        case .again: self.reportAgain(connection, token)
        case .close: self.close(connection, lingering: lingering)
        case .sleep, nil: break
        }
    }

    private func discard(_ connection: FastCGIConnection) {
        while true {
            let isAtEnd = !connection.discardArrivals()
            switch connection.update({ $0.discarded(isAtEnd: isAtEnd) }) {
            case .again: continue
            case .sleep: return
            case .close: return self.close(connection, lingering: false)
            }
        }
    }

    /// Closes a connection that the caller was told to close.
    func close(_ connection: FastCGIConnection, lingering: Bool) {
        connection.forgetInput()
        if lingering, self.register(connection) {
            let token = connection.token
            connection.shutWriting()
            connection.deadline.store(CoarseClock.now() &+ self.configuration.lingerTime.nanoseconds, ordering: .releasing)
            connection.update { $0.lingers() }
            // Bytes that have arrived before were reported before, so they have to be reported again.
            self.reportAgain(connection, token)
            return
        }
        connection.close()
        self.open.subtract(1, ordering: .acquiringAndReleasing)
        self.delegate?.connectionClosed()
        if self.isDraining { self.timeKeeper.signal() }
    }

    /// Has the poll report what is there, whether it has reported it before or not, if the connection still is the one that is meant.
    func reportAgain(_ connection: FastCGIConnection, _ token: ConnectionToken) {
        connection.ifOpen(token) {
            try? self.poll.rearm(CInt(token.number), tag: token.tag, interest: Self.connectionInterest)
        }
    }

    private func register(_ connection: FastCGIConnection) -> Bool {
        connection.register(self.add)
    }

    private func add(_ number: CInt, _ token: ConnectionToken) -> Bool {
        do throws(SystemCallError) {
            try self.poll.add(number, tag: token.tag, interest: Self.connectionInterest)
            return true
        } catch {
            self.logger.error("A connection cannot be waited for.", metadata: ["error": "\(error)"])
            return false
        }
    }

    // MARK: - Other descriptors

    /// Calls `onReadable` on a worker thread when the descriptor is readable; keeps the descriptor open.
    func watch(
        _ descriptor: consuming OwnedDescriptor,
        repeats: Bool,
        onReadable: @escaping @Sendable () -> Void
    ) throws(SystemCallError) {
        let (index, number) = self.watches.add(descriptor, repeats: repeats, onReadable)
        try self.poll.add(number, tag: Tag.watch(index), interest: [.readable, .oneShot])
    }
}

/// Descriptors that are no connections, and what to do when they become readable.
final class WatchedDescriptors: Sendable {
    private final class Entry: Sendable {
        let descriptor: OwnedDescriptor
        let repeats: Bool
        let onReadable: @Sendable () -> Void

        init(_ descriptor: consuming OwnedDescriptor, repeats: Bool, _ onReadable: @escaping @Sendable () -> Void) {
            self.descriptor = descriptor
            self.repeats = repeats
            self.onReadable = onReadable
        }
    }

    private let entries = Mutex<[Entry]>([])

    /// Keeps a descriptor.
    ///
    /// - Returns: Its place, and its number for the poll.
    func add(
        _ descriptor: consuming OwnedDescriptor,
        repeats: Bool,
        _ onReadable: @escaping @Sendable () -> Void
    ) -> (index: Int, number: CInt) {
        let entry = Entry(descriptor, repeats: repeats, onReadable)
        return self.entries.withLock { entries in
            entries.append(entry)
            return (entries.count - 1, entry.descriptor.number)
        }
    }

    /// Does what is to be done for the descriptor at a place.
    ///
    /// - Returns: The number of the descriptor if it is to be waited for again.
    func call(_ index: Int) -> CInt? {
        let entry = self.entries.withLock { $0.indices.contains(index) ? $0[index] : nil }
        guard let entry else { return nil }
        entry.onReadable()
        return entry.repeats ? entry.descriptor.number : nil
    }
}
