internal import CFCGI
internal import Glibc
internal import ParanoidLinux
internal import Synchronization

/// The beginning and the end of requests; only the owner calls these.
extension FastCGIConnection {
    // MARK: - Before a request

    /// Reads what has arrived, without waiting, up to the end of a head.
    func receiveHead(with inspector: RequestHeadInspector) -> HeadArrival {
        self.buffer.prepare()
        if self.isPastAnswer {
            self.discardInput()
            switch self.inputState {
            case .open where self.discardedLength <= self.configuration.maximumDrainedBody:
                self.releaseEmptyBuffer()
                return .nothing
            case .ended, .failed(.aborted):
                self.isPastAnswer = false
                self.buffer.restart()
                self.stampArrival()
            case .open, .failed: return .end
            }
        }
        while true {
            if self.buffer.unread > 0 {
                let inspection = unsafe inspector.inspect(UnsafeRawBufferPointer(self.buffer.bytes).bytes)
                guard case .incomplete = inspection else { return .head(inspection) }
            }
            switch self.receive(waiting: 0) {
            case .bytes: continue
            case .nothing:
                if self.buffer.unread > 0 { return .head(.incomplete) }
                self.releaseEmptyBuffer()
                return .nothing
            case .end, .late: return .end
            }
        }
    }

    /// Takes a record that stands in front of a head, and answers it if it wants a response.
    ///
    /// - Returns: False if the response could not be sent.
    func serveControlRecord(_ length: Int) -> Bool {
        let record = unsafe Array(self.buffer.bytes.prefix(length))
        self.buffer.advance(to: length)
        self.buffer.restart()
        // Of a late abort nothing is left to be said.
        guard record.count > 1, record[1] != FastCGIRecord.Kind.abortRequest.rawValue else { return true }
        return self.sendAll(ManagementRecords.answer(to: record, maximumConnections: self.configuration.maximumConnections))
    }

    /// The request number of the record that stands in front.
    var firstRequestNumber: UInt16 {
        unsafe RecordHeader(at: 0, of: UnsafeRawBufferPointer(self.buffer.bytes).bytes)?.request ?? 0
    }

    /// Gives up what has arrived, and its memory.
    func forgetInput() {
        self.buffer.release()
    }

    /// Whether bytes or the end have arrived.
    var hasArrivals: Bool {
        var byte: UInt8 = 0
        return unsafe recv(self.number, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    /// Begins the request whose head was judged.
    func accept(_ head: RequestHead) {
        self.head = head
        self.gatherParameters()
        self.costPlace = self.withParameters { bytes in
            unsafe bytes.withUnsafeBytes { unsafe self.parameterIndex.build(over: $0) }
            return unsafe self.value(of: "REQUEST_URI".utf8.span.bytes, in: bytes).map { RequestCosts.place(of: bytes.extracting($0)) } ?? 0
        }
        self.buffer.keep(before: head.layout.end)
        self.input = RequestInput(of: head.identifier)
        self.inputState = head.role == .authorizer ? .ended : .open
        self.declaredLength = nil
        self.deliveredLength = 0
        self.discardedLength = 0
        self.begunRequests += 1
        self.hasStartedData = false
        self.hasWriteError = false
        self.readBudget.restart()
        self.writeBudget.restart()
        self.openStreams()
    }

    /// Moves the contents of several records of parameters together, for which their headers and padding make room.
    private func gatherParameters() {
        guard !self.head.layout.isContiguous else { return }
        let bytes = unsafe self.buffer.bytes
        var layout = self.head.layout
        var position = FastCGIRecord.headerLength
        var end = layout.parameters.lowerBound
        if let first = unsafe RecordHeader(at: 0, of: UnsafeRawBufferPointer(bytes).bytes) { position = first.end }
        while position < layout.end, let record = unsafe RecordHeader(at: position, of: UnsafeRawBufferPointer(bytes).bytes) {
            if let start = bytes.baseAddress { unsafe memmove(start + end, start + record.content, record.length) }
            end += record.length
            position = record.end
        }
        layout.parameters = layout.parameters.lowerBound..<end
        layout.isContiguous = true
        self.head.layout = layout
    }

    /// Calls `body` with the name-value pairs of the request.
    func withParameters<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: self.buffer.bytes[self.head.layout.parameters])
        return try unsafe body(bytes.bytes)
    }

    /// Finds the value of the first parameter of a name; the bytes are those of ``withParameters(_:)``.
    func value(of name: RawSpan, in parameters: RawSpan) -> Range<Int>? {
        unsafe name.withUnsafeBytes { name in
            unsafe parameters.withUnsafeBytes { bytes in unsafe self.parameterIndex.value(of: name, in: bytes) }
        }
    }

    // MARK: - The end of a request

    /// Ends the request: writes its end and gives the connection back.
    ///
    /// Blocks while the response is written, within its budget. It does not wait for the rest of an unread body: that is thrown away as it
    /// comes, before the next head, or with it the connection if it is too long.
    func finish(applicationStatus: CInt) {
        guard !self.hasWriteError else { return self.letGo(keeping: false, lingering: false) }
        self.discardInput()
        let isKeepable: Bool
        switch self.inputState {
        case .open: isKeepable = self.discardedLength <= self.configuration.maximumDrainedBody
        case .ended, .failed(.aborted): isKeepable = !self.hasMoreThanThisRequest()
        case .failed: isKeepable = false
        }
        let keeping = self.head.keepsConnection && isKeepable && !self.scheduler.isDraining
        // The web server hopes for another request: it has to hear that there is none before it sends one.
        self.ending = (applicationStatus, isFinal: self.head.keepsConnection && !keeping)
        let isWritten = self.writing(bytes: 0) { unsafe FCGX_FClose(self.streams + 1) == 0 }
        self.letGo(keeping: keeping && isWritten, lingering: isWritten && self.inputState != .ended)
    }

    /// Ends the request without an end: the peer sees the connection break off.
    func abandon() {
        self.letGo(keeping: false, lingering: false)
    }

    private func letGo(keeping: Bool, lingering: Bool) {
        if keeping {
            self.isPastAnswer = self.inputState == .open
            self.buffer.restart()
            self.releaseEmptyBuffer()
        } else {
            self.buffer.release()
        }
        self.scheduler.finished(self, keeping: keeping, lingering: lingering)
    }

    /// Whether bytes of another request are there: the web server may not send them before it has this one's end.
    private func hasMoreThanThisRequest() -> Bool {
        self.buffer.restart()
        if self.mayHaveMore { _ = self.receive(waiting: 0) }
        while self.buffer.unread > 0 {
            // Records that concern no request, or this one, may come at any time.
            switch unsafe self.scheduler.inspector.inspect(UnsafeRawBufferPointer(self.buffer.bytes).bytes) {
            case .management(let length), .lateAbort(let length):
                guard self.serveControlRecord(length) else { return true }
            case .complete, .incomplete, .unknownRole, .refused: return true
            }
        }
        return false
    }

    private func releaseEmptyBuffer() {
        if self.buffer.unread == 0 { self.buffer.release() }
    }

    // MARK: - The descriptor

    /// The outcome of a call for bytes.
    enum Receipt {
        case bytes, nothing, end, late
    }

    /// Receives bytes into the buffer.
    ///
    /// - Parameter waiting: Milliseconds to wait for them; `nil`: as long as the socket's time-out.
    func receive(waiting: CInt?) -> Receipt {
        let isFirst = self.buffer.unread == 0
        if let waiting, waiting > 0 {
            var entry = pollfd(fd: self.number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&entry, 1, waiting) > 0 else { return .nothing }
        }
        let room = unsafe self.buffer.room(4096)
        while true {
            let count = unsafe recv(self.number, room.baseAddress, room.count, waiting == nil ? 0 : CInt(MSG_DONTWAIT))
            if count > 0 {
                if isFirst { self.stampArrival() }
                self.mayHaveMore = count == room.count
                self.buffer.append(count)
                return .bytes
            }
            self.mayHaveMore = false
            if count == 0 { return .end }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { return .end }
            return waiting == nil ? .late : .nothing
        }
    }

    /// Notes when bytes came; until a head is whole, this is when its first byte was seen.
    private func stampArrival() {
        guard self.state.phase == .reading else { return }
        self.arrival = Arrival(
            monotonicNanoseconds: CoarseClock.now(),
            wallNanoseconds: WallClock.nanosecondsSinceEpoch()
        )
    }

    /// Says that nothing more will be written; the peer sees the end of the stream behind what is on its way.
    func shutWriting() {
        _ = Glibc.shutdown(self.number, CInt(SHUT_WR))
    }

    /// Throws away what has arrived; false at the end of the stream.
    func discardArrivals() -> Bool {
        unsafe withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 8) { buffer in
            while true {
                let count = unsafe recv(self.number, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
                if count < 0 { return errno == EAGAIN || errno == EINTR }
                if count == 0 { return false }
            }
        }
    }

    /// Whether the peer has hung up or, with nothing more to read, aborted the request.
    var hasPeerGone: Bool {
        var entry = pollfd(fd: self.number, events: Int16(POLLIN) | 0x2000, revents: 0)
        guard unsafe poll(&entry, 1, 0) > 0 else { return false }
        // 0x2000 is POLLRDHUP, which the Glibc module lacks.
        if entry.revents & (0x2000 | Int16(POLLHUP) | Int16(POLLERR)) != 0 { return true }
        guard self.input.isBetweenRecords, self.buffer.unread == 0 else { return false }
        var header: (UInt8, UInt8) = (0, 0)
        let count = unsafe withUnsafeMutableBytes(of: &header) { bytes in
            unsafe recv(self.number, bytes.baseAddress, bytes.count, CInt(MSG_PEEK | MSG_DONTWAIT))
        }
        return count == 2 && header.1 == FastCGIRecord.Kind.abortRequest.rawValue
    }
}
