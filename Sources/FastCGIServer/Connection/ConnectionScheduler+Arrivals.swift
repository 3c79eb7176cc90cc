internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// How connections come in.
extension ConnectionScheduler {
    /// Takes the connection that has waited longest; the caller owns it.
    ///
    /// - Returns: `nil` also if a sibling took it.
    func acceptOne() -> FastCGIConnection? {
        // Counted before it is asked whether the end has begun, where the end looks at the count after having begun: none is overlooked.
        self.underway.add(1, ordering: .sequentiallyConsistent)
        defer { self.underway.subtract(1, ordering: .sequentiallyConsistent) }
        guard !self.draining.load(ordering: .sequentiallyConsistent) else { return nil }
        do throws(SystemCallError) {
            guard let socket = try self.listener.accept() else { return nil }
            guard self.admits(socket) else { return nil }
            if let delegate = self.delegate, delegate.handOff(socket.descriptor) { return nil }
            return self.open(socket)
        } catch {
            self.reportShortage(error)
            // The connection stays in the queue, so without a pause the threads would do nothing but fail.
            self.stopping.wait(milliseconds: 10)
            return nil
        }
    }

    /// Takes a connection that another process has accepted.
    func take(_ socket: consuming Socket) {
        guard let connection = self.open(socket) else { return }
        if self.letGo(of: connection, isPartial: false) { self.letGoAndReport(connection) }
    }

    /// Whether the peer may send requests; it is closed otherwise.
    func admits(_ socket: borrowing Socket) -> Bool {
        guard let admits = self.configuration.admits, !admits(socket.descriptor) else { return true }
        self.delegate?.count(.refusedPeers)
        self.logger.warning("A peer that is not on the list was refused.")
        return false
    }

    private func open(_ socket: consuming Socket) -> FastCGIConnection? {
        if !self.isUnix { socket.tuneForRequests() }
        do throws(SystemCallError) {
            try socket.setTimeouts(read: self.configuration.readTimeout, write: self.configuration.writeTimeout)
        } catch {
            // A peer that has gone already (EINVAL); the connection is closed by going out of scope.
            return nil
        }
        guard self.open.load(ordering: .relaxed) < self.configuration.maximumConnections,
            let connection = self.table.connection(
                Int(socket.descriptor.number),
                make: { FastCGIConnection(number: socket.descriptor.number, scheduler: self) }
            )
        else {
            self.reportShortage(nil)
            return nil
        }
        self.open.add(1, ordering: .acquiringAndReleasing)
        self.delegate?.connectionOpened()
        connection.open(socket)
        return connection
    }

    /// Lets go although events have come, and has the poll report them to a worker thread.
    func letGoAndReport(_ connection: FastCGIConnection) {
        let token = connection.token
        while self.letGo(of: connection, isPartial: false) {}
        self.reportAgain(connection, token)
    }

    /// Refuses what cannot be served, with a response if it is a request at all.
    func refuse(_ connection: FastCGIConnection, _ reason: RequestHeadRefusal) {
        self.delegate?.count(reason == .tooManyParameters ? .refusedParameters : .brokenRequests)
        self.logger.warning("A request could not begin, and its connection is closed.", metadata: ["reason": "\(reason)"])
        guard reason == .tooManyParameters, !self.configuration.refusal.isEmpty else { return self.giveUp(connection) }
        // The number that the first record has, which was seen.
        let request = connection.firstRequestNumber
        let isSent = connection.sendAll(FastCGIRecord.answer(self.configuration.refusal, to: request))
        self.giveUp(connection, lingering: isSent)
    }

    private func reportShortage(_ error: SystemCallError?) {
        self.delegate?.count(.refusedConnections)
        self.logger.error("Connections cannot be accepted.", metadata: ["error": "\(error.map(\.description) ?? "too many are open")"])
    }
}

/// Connections from other processes, and reports to the delegate.
extension ConnectionScheduler {
    /// The end of a pair of sockets through which other processes pass connections on.
    final class Inbox: Sendable {
        let passing: DescriptorPassing

        init(_ passing: consuming DescriptorPassing) {
            self.passing = passing
        }
    }

    /// Connections that are taken from the inbox before other events get their turn.
    private static var arrivalsPerTurn: Int { 16 }
    private static var inboxInterest: Epoll.Interest { [.readable, .oneShot] }

    /// Shows that a thread has come round, and has the next one do so after the interval.
    func beat() {
        self.heartbeatTimer.acknowledge()
        guard let delegate = self.delegate else { return }
        delegate.heartbeat()
        self.heartbeatTimer.start(microseconds: max(1, self.configuration.heartbeatInterval.nanoseconds / 1000))
    }

    /// Tells the delegate how busy the threads are.
    func sample() {
        let threads = self.configuration.threads
        self.delegate?.sampled(demand: max(0, threads - self.jobs.sleepingThreads) + self.jobs.readyJobs, threads: threads)
    }

    /// Has connections taken from an inbox as they come.
    func open(inbox passing: consuming DescriptorPassing) throws(SystemCallError) {
        let number = passing.descriptor.number
        let inbox = Inbox(passing)
        self.inbox.withLock { $0 = inbox }
        try self.poll.add(number, tag: Tag.inbox, interest: Self.inboxInterest)
    }

    /// Takes a few connections from the inbox and has the poll report the rest.
    func receiveArrivals() {
        guard let inbox = self.inbox.withLock({ $0 }) else { return }
        // As in acceptOne(): what was taken out and is not open yet is not overlooked.
        self.underway.add(1, ordering: .sequentiallyConsistent)
        defer { self.underway.subtract(1, ordering: .sequentiallyConsistent) }
        guard !self.draining.load(ordering: .sequentiallyConsistent) else { return }
        guard self.receive(from: inbox, atMost: Self.arrivalsPerTurn) else { return }
        try? self.poll.rearm(inbox.passing.descriptor.number, tag: Tag.inbox, interest: Self.inboxInterest)
    }

    /// Takes everything from the inbox; only for who decides about the end.
    func emptyInbox() {
        guard let inbox = self.inbox.withLock({ $0 }) else { return }
        _ = self.receive(from: inbox, atMost: 4096)
    }

    /// Takes connections.
    ///
    /// - Returns: False at the end of the inbox.
    private func receive(from inbox: Inbox, atMost limit: Int) -> Bool {
        var count = 0
        while count < limit {
            do throws(SystemCallError) {
                switch try inbox.passing.receive() {
                case .descriptor(let descriptor, tag: _):
                    self.take(Socket(descriptor))
                    self.delegate?.connectionArrived()
                case .nothing:
                    self.delegate?.nothingArrives()
                    return true
                case .end: return false
                }
            } catch {
                // A message without a descriptor: there was no room for one.
                self.logger.error("A connection that was passed on is lost.", metadata: ["error": "\(error)"])
                self.delegate?.connectionArrived()
            }
            count += 1
        }
        return true
    }
}
