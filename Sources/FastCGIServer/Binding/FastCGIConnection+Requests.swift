internal import CFCGI
internal import Glibc
internal import ParanoidLinux
internal import Synchronization

/// The beginning and the end of requests; only the owner calls these.
extension FastCGIConnection {
    // MARK: - Before a request

    /// Looks at what has arrived without taking it and without waiting (`MSG_PEEK`).
    ///
    /// - Parameter buffer: At least as long as the longest allowed head.
    func look(with inspector: RequestHeadInspector, buffer: UnsafeMutableRawBufferPointer) -> Look {
        // Nearly every head fits into the first attempt, and no large body is copied for nothing.
        var length = min(4096, buffer.count)
        while true {
            let count = unsafe recv(self.number, buffer.baseAddress, length, CInt(MSG_PEEK | MSG_DONTWAIT))
            if count < 0 { return errno == EAGAIN || errno == EINTR ? .nothing : .end }
            if count == 0 { return .end }
            let inspection = unsafe inspector.inspect(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
            guard case .incomplete = inspection, count == length, length < buffer.count else { return .head(inspection) }
            length = buffer.count
        }
    }

    /// Whether bytes or the end have arrived.
    var hasArrivals: Bool {
        var byte: UInt8 = 0
        return unsafe recv(self.number, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    /// Has libfcgi take the request whose head was seen; does not wait, as all of it is there.
    ///
    /// - Returns: False if libfcgi saw it otherwise, which closes the connection.
    func accept(_ head: RequestHead) -> Bool {
        unsafe cfcgi_attach(self.request, self.number)
        guard unsafe FCGX_Accept_r(self.request) == 0 else {
            if unsafe cfcgi_take(self.request) < 0 { self.closedElsewhere() }
            return false
        }
        self.head = head
        self.begunRequests += 1
        self.hasReadAll = head.role == .authorizer
        self.hasStartedData = false
        self.hasReadError = false
        self.hasWriteError = false
        self.readBudget = TransferBudget(
            grace: self.configuration.headDeadline,
            minimumRate: self.configuration.minimumRate
        )
        self.writeBudget = TransferBudget(
            grace: self.configuration.writeTimeout,
            minimumRate: self.configuration.minimumRate
        )
        return true
    }

    /// Takes exactly the bytes of a record that is served without libfcgi.
    func take(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe recv(self.number, $0.baseAddress, count, CInt(MSG_DONTWAIT)) }
        return got == count ? bytes : nil
    }

    // MARK: - The end of a request

    /// Ends the request: reads what is left of its body within bounds, writes its end and gives the connection back.
    ///
    /// Blocks while the body is read and the answer written, both within their budgets.
    ///
    /// - Parameter readingRest: Whether the body is read; without, a connection with an unread one is given up.
    func finish(applicationStatus: CInt, readingRest: Bool = true) {
        guard !self.hasWriteError else { return self.letGo(keeping: false, lingering: false) }
        // Unread STDIN would be taken for the next request: libfcgi forgets what it has buffered of it and goes on behind.
        let isDrained = readingRest ? self.readRest() : self.hasReadAll && self.head.role == .responder
        let keeping = self.head.keepsConnection && !self.head.isPipelined && isDrained
        unsafe FCGX_SetExitStatus(applicationStatus, self.request.pointee.out)
        if self.head.keepsConnection, !keeping || self.scheduler.isDraining {
            // The web server hopes for another request: it has to hear that there is none before it sends one.
            let end = FastCGIRecord.finalEnd(of: self.head.identifier, applicationStatus: UInt32(bitPattern: applicationStatus))
            let isWritten = self.flush() && self.sendAll(end)
            return self.letGo(keeping: false, lingering: isWritten && !isDrained)
        }
        // This is FCGX_Finish_r without the part that closes the descriptor.
        let isWritten = self.writing(bytes: 0) {
            let errors = unsafe FCGX_FClose(self.request.pointee.err)
            let output = unsafe FCGX_FClose(self.request.pointee.out)
            return errors == 0 && output == 0
        }
        self.letGo(keeping: keeping && isWritten, lingering: isWritten && !isDrained)
    }

    /// Ends the request without an end: the peer sees the connection break off.
    func abandon() {
        self.letGo(keeping: false, lingering: false)
    }

    private func letGo(keeping: Bool, lingering: Bool) {
        // 0: the connection stays open; it is the scheduler's.
        unsafe FCGX_Free(self.request, 0)
        _ = unsafe cfcgi_take(self.request)
        self.scheduler.finished(self, keeping: keeping, lingering: lingering)
    }

    /// Reads what is left of the request's streams, within bounds.
    ///
    /// - Returns: Whether nothing but the next request can follow.
    private func readRest() -> Bool {
        var left = self.configuration.maximumDrainedBody
        guard self.readStream(&left) else { return false }
        guard self.head.role == .filter, !self.hasStartedData else { return true }
        return self.startData() && self.readStream(&left)
    }

    private func readStream(_ left: inout Int) -> Bool {
        guard !self.hasReadAll else { return true }
        return unsafe withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 8) { buffer in
            while !self.hasReadAll, !self.hasReadError, left >= 0 {
                left -= unsafe self.readSome(into: buffer)
            }
            return self.hasReadAll
        }
    }

    // MARK: - The descriptor

    /// Says that nothing more will be written; the peer sees the end of the stream behind what is on its way.
    func shutWriting() {
        _ = Glibc.shutdown(self.number, CInt(SHUT_WR))
    }

    /// Throws away what has arrived; false at the end of the stream.
    func discardArrivals(buffer: UnsafeMutableRawBufferPointer) -> Bool {
        while true {
            let count = unsafe recv(self.number, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            if count == 0 { return false }
        }
    }

    /// Whether the peer has hung up or, with nothing more to read, aborted the request.
    var hasPeerGone: Bool {
        var entry = pollfd(fd: self.number, events: Int16(POLLIN) | 0x2000, revents: 0)
        guard unsafe poll(&entry, 1, 0) > 0 else { return false }
        // 0x2000 is POLLRDHUP, which the Glibc module lacks.
        if entry.revents & (0x2000 | Int16(POLLHUP) | Int16(POLLERR)) != 0 { return true }
        guard self.hasReadAll else { return false }
        var header: (UInt8, UInt8) = (0, 0)
        let count = unsafe withUnsafeMutableBytes(of: &header) { bytes in
            unsafe recv(self.number, bytes.baseAddress, bytes.count, CInt(MSG_PEEK | MSG_DONTWAIT))
        }
        return count == 2 && header.1 == FastCGIRecord.Kind.abortRequest.rawValue
    }
}
