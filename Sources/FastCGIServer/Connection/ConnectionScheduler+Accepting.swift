internal import ParanoidLinux
internal import Logging
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
            if let surroundings = self.surroundings, surroundings.handOff(socket.descriptor) { return nil }
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
        self.surroundings?.count(.peerRefused)
        self.reportRarely(self.lastRefusal) {
            self.logger.warning("A peer that is not on the list was turned away.")
        }
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
        self.surroundings?.connectionOpened()
        connection.open(socket)
        return connection
    }

    /// Lets go although events have come, and has the poll report them to a worker thread.
    func letGoAndReport(_ connection: FastCGIConnection) {
        let token = connection.token
        while self.letGo(of: connection, isPartial: false) {}
        self.reportAgain(connection, token)
    }

    /// Turns down what cannot be served, with an answer if it is a request at all.
    func refuse(_ connection: FastCGIConnection, _ reason: RequestHeadRefusal, head: UnsafeMutableRawBufferPointer) {
        self.surroundings?.count(reason == .tooManyParameters ? .parametersRefused : .notARequest)
        self.reportRarely(self.lastBadHead) {
            self.logger.warning("A request could not begin, and its connection is closed.", metadata: ["reason": "\(reason)"])
        }
        guard reason == .tooManyParameters, !self.configuration.refusal.isEmpty else { return self.giveUp(connection) }
        // The number that the first record has, which was seen.
        let request = unsafe UInt16(head[2]) << 8 | UInt16(head[3])
        let isSent = connection.sendAll(FastCGIRecord.answer(self.configuration.refusal, to: request))
        self.giveUp(connection, lingering: isSent)
    }

    private func reportShortage(_ error: SystemCallError?) {
        self.surroundings?.count(.connectionRefused)
        self.reportRarely(self.lastShortage) {
            self.logger.error("Connections cannot be accepted.", metadata: ["error": "\(error.map(\.description) ?? "too many are open")"])
        }
    }

    /// Reports something at most once a second, as whoever causes it can do so as often as they like.
    func reportRarely(_ moment: LogThrottle, _ report: () -> Void) {
        if moment.isDue { report() }
    }
}
