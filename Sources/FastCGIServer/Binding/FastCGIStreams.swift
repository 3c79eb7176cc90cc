internal import CFCGI
internal import Glibc
internal import ParanoidLinux
internal import Synchronization

/// Reading and writing the bytes of the request being served; only its owner calls these.
extension FastCGIConnection {
    /// Responses longer than this bypass libfcgi's 8 KB buffer.
    private static var longestBufferedWrite: Int { 64 << 10 }
    /// How long the end of a body is waited for whose declared length has come; nearly always it comes along.
    private static var endOfBodyWait: CInt { 100 }

    // MARK: - The streams of libfcgi

    private static func owner(_ stream: UnsafeMutablePointer<FCGX_Stream>?) -> FastCGIConnection? {
        unsafe stream?.pointee.data.map { unsafe Unmanaged<FastCGIConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Makes libfcgi's streams those of the request: its functions take input from, and bring output to, the connection's buffer.
    func openStreams() {
        let owner = unsafe Unmanaged.passUnretained(self).toOpaque()
        self.openInput()
        guard let output = unsafe self.buffer.output else { return }
        let content = unsafe (output + FastCGIRecord.headerLength).assumingMemoryBound(to: UInt8.self)
        let room = BufferPool.outputSize - RequestBuffer.endSize - FastCGIRecord.headerLength
        unsafe cfcgi_open_writer(self.streams + 1, owner, content, room) { stream, isClosing in
            guard let stream = unsafe stream else { return }
            unsafe FastCGIConnection.owner(stream)?.empty(stream, isClosing: isClosing != 0)
        }
    }

    private func openInput() {
        unsafe cfcgi_open_reader(self.streams, Unmanaged.passUnretained(self).toOpaque()) { stream in
            guard let stream = unsafe stream else { return }
            unsafe FastCGIConnection.owner(stream)?.fill(stream)
        }
        if self.inputState != .open { unsafe cfcgi_end(self.streams, 0) }
    }

    /// Gives libfcgi the next bytes of the body; waits for them.
    private func fill(_ stream: UnsafeMutablePointer<FCGX_Stream>) {
        guard let content = self.nextContent(waiting: nil), let bytes = unsafe self.buffer.bytes.baseAddress else {
            return unsafe cfcgi_end(stream, self.inputState == .ended ? 0 : EPROTO)
        }
        unsafe cfcgi_fill(stream, (bytes + content.lowerBound).assumingMemoryBound(to: UInt8.self), content.count)
    }

    /// Sends what libfcgi has put into its buffer as one record, and behind it the end of the request if the stream is being closed.
    private func empty(_ stream: UnsafeMutablePointer<FCGX_Stream>, isClosing: Bool) {
        guard let output = unsafe self.buffer.output else { return unsafe cfcgi_fail(stream, EPIPE) }
        let content = unsafe (output + FastCGIRecord.headerLength).assumingMemoryBound(to: UInt8.self)
        let count = unsafe cfcgi_empty(stream, content)
        var length = 0
        if count > 0 {
            unsafe output.storeBytes(of: FastCGIRecord.header(.output, request: self.head.identifier, length: count), as: UInt64.self)
            length = FastCGIRecord.headerLength + count
        }
        if isClosing {
            let end = FastCGIRecord.end(
                of: self.head.identifier,
                applicationStatus: UInt32(bitPattern: self.ending.applicationStatus)
            )
            // The room behind the content is there for all of it, and what is not final is cut off.
            for index in end.indices {
                unsafe (output + length + 8 * index).storeBytes(of: end[index], as: UInt64.self)
            }
            let endLength = self.ending.isFinal ? RequestBuffer.endSize : RequestBuffer.endSize - FastCGIRecord.headerLength
            length += endLength
        }
        guard length > 0 else { return }
        if unsafe !self.send(UnsafeRawBufferPointer(start: output, count: length)) { unsafe cfcgi_fail(stream, EPIPE) }
    }

    // MARK: - Input

    /// Goes on to the next bytes of the body.
    ///
    /// - Parameter waiting: Milliseconds to wait for them; `nil`: as long as the budget allows.
    /// - Returns: Where in the buffer they are; `nil` if none are there, and ``inputState`` tells why.
    private func nextContent(waiting: CInt?, isAnswered: Bool = false) -> Range<Int>? {
        while self.inputState == .open {
            var position = self.buffer.position
            let step = unsafe self.input.next(
                in: UnsafeRawBufferPointer(self.buffer.bytes).bytes,
                at: &position,
                isAnswered: isAnswered
            )
            self.buffer.advance(to: position)
            switch step {
            case .content(let range): return range
            case .end, .nextRequest: self.inputState = .ended
            case .aborted: self.inputState = .failed(.aborted)
            case .refused: self.inputState = .failed(.cut)
            case .management(let range):
                let record = unsafe Array(self.buffer.bytes[range])
                let answer = ManagementRecords.answer(to: record, maximumConnections: self.configuration.maximumConnections)
                self.sendBetweenReads(answer, isWaiting: waiting == nil)
            case .secondRequest(let request):
                self.sendBetweenReads(FastCGIRecord.end(of: request, status: .cannotMultiplex), isWaiting: waiting == nil)
            case .incomplete:
                switch self.receive(waiting: waiting) {
                case .bytes: continue
                case .nothing: return nil
                case .late: self.inputState = .failed(.tooSlow)
                case .end: self.inputState = .failed(.cut)
                }
            }
        }
        return nil
    }

    private func sendBetweenReads(_ record: [UInt8], isWaiting: Bool) {
        if !self.sendAll(record) { self.inputState = .failed(.cut) }
        // Writing has a deadline of its own, and leaves none.
        if isWaiting { self.transferDeadline.store(CoarseClock.now() &+ self.readBudget.remaining, ordering: .relaxed) }
    }

    /// Throws away what has arrived of the input, without waiting, and no more than is worth it.
    func discardInput() {
        while self.inputState == .open, self.discardedLength <= self.configuration.maximumDrainedBody {
            if let range = self.nextContent(waiting: 0, isAnswered: self.isPastAnswer) {
                self.discardedLength += range.count
            } else if self.inputState == .ended, self.head.role == .filter, !self.hasStartedData {
                self.hasStartedData = true
                self.input.startData()
                self.inputState = .open
            } else {
                return
            }
        }
    }

    /// Reads what is there, or waits for it.
    ///
    /// - Returns: 0 at the end of the body and when it broke off; ``inputState`` tells which.
    func readSome(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let target = buffer.baseAddress, buffer.count > 0 else { return 0 }
        let stream = unsafe self.streams
        let bytes = unsafe target.assumingMemoryBound(to: CChar.self)
        var count = 0
        if unsafe cfcgi_readable(stream) == 0 {
            guard self.inputState == .open, !self.hasDeclaredLength else { return 0 }
            // FCGX_GetStr waits until it has all it is asked for, so it is asked for one byte.
            let start = CoarseClock.now()
            self.transferDeadline.store(start &+ self.readBudget.remaining, ordering: .relaxed)
            count = unsafe Int(FCGX_GetStr(bytes, 1, stream))
            self.transferDeadline.store(.max, ordering: .relaxed)
            self.readBudget.spend(CoarseClock.now() - start, bytes: 0)
            if count == 0 { return 0 }
        }
        let more = unsafe min(Int(cfcgi_readable(stream)), buffer.count - count)
        if more > 0 { count += unsafe Int(FCGX_GetStr(bytes + count, CInt(more), stream)) }
        self.readBudget.spend(0, bytes: count)
        self.deliveredLength += count
        return self.isWithinDeclaredLength() ? count : 0
    }

    /// Whether all that was declared of the body was read.
    private var hasDeclaredLength: Bool { self.deliveredLength == self.declaredLength && !self.hasStartedData }

    /// Compares what has come of the body with its declared length; at the length, whether the body ends there.
    private func isWithinDeclaredLength() -> Bool {
        guard let declared = self.declaredLength, !self.hasStartedData else { return true }
        var isLonger = self.input.announced > declared
        if !isLonger, self.hasDeclaredLength {
            isLonger = self.nextContent(waiting: 0) != nil || self.nextContent(waiting: Self.endOfBodyWait) != nil
            // All that was declared is there, so it does not matter how the stream ends.
        }
        if isLonger { self.inputState = .failed(.tooLong) }
        return !isLonger
    }

    /// Why there is nothing more to read, if that is not the body's end.
    var readFailure: InputFailure? {
        guard case .failed(let failure) = self.inputState else { return nil }
        switch failure {
        case .cut, .aborted:
            if self.deliveredLength == self.declaredLength { return nil }
            return failure == .cut && self.readBudget.remaining <= 0 ? .tooSlow : failure
        case .tooSlow, .tooLong: return failure
        }
    }

    /// The beginning of the body, as far as it has arrived.
    var bodyOutlook: FastCGIRequest.BodyOutlook {
        guard self.inputState == .open else { return .empty }
        var input = self.input
        var position = self.buffer.position
        switch unsafe input.next(in: UnsafeRawBufferPointer(self.buffer.bytes).bytes, at: &position) {
        case .content: return .present
        case .end: return .empty
        default: return .unknown
        }
    }

    /// Goes on to a filter's data after the body.
    func startData() -> Bool {
        guard self.head.role == .filter, self.inputState == .ended, !self.hasStartedData else { return false }
        self.hasStartedData = true
        self.input.startData()
        self.inputState = .open
        self.openInput()
        return true
    }

    // MARK: - Output

    /// Writes bytes: short ones into libfcgi's buffer, which leaves when it is full or with the end of the request, long ones at once.
    ///
    /// - Returns: False if the peer has gone or does not read.
    func write(_ bytes: RawSpan) -> Bool {
        guard !self.hasWriteError else { return false }
        return unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
            // Most responses are only copied here, and leave with the end of the request.
            if unsafe bytes.count <= Int(cfcgi_writable(self.streams + 1)) {
                self.writeBudget.spend(0, bytes: bytes.count)
                return unsafe FCGX_PutStr(start.assumingMemoryBound(to: CChar.self), CInt(bytes.count), self.streams + 1)
                    == CInt(bytes.count)
            }
            guard bytes.count > Self.longestBufferedWrite else {
                return self.writing(bytes: bytes.count) {
                    unsafe FCGX_PutStr(start.assumingMemoryBound(to: CChar.self), CInt(bytes.count), self.streams + 1)
                        == CInt(bytes.count)
                }
            }
            return unsafe self.flush() && self.writeRecords(bytes)
        }
    }

    /// Sends what libfcgi has buffered.
    func flush() -> Bool {
        guard !self.hasWriteError else { return false }
        return self.writing(bytes: 0) { unsafe FCGX_FFlush(self.streams + 1) == 0 }
    }

    /// Sends bytes that are records already.
    func sendAll(_ bytes: [UInt8]) -> Bool {
        self.writing(bytes: bytes.count) {
            unsafe bytes.withUnsafeBytes { unsafe self.send($0) }
        }
    }

    /// Makes a call that may block in writing, within the request's budget.
    func writing(bytes: Int, _ body: () -> Bool) -> Bool {
        let start = CoarseClock.now()
        self.transferDeadline.store(start &+ self.writeBudget.remaining, ordering: .relaxed)
        let isWritten = body()
        self.transferDeadline.store(.max, ordering: .relaxed)
        self.writeBudget.spend(CoarseClock.now() - start, bytes: bytes)
        if !isWritten { self.hasWriteError = true }
        return isWritten
    }

    /// Writes STDOUT records straight from the caller's memory, up to sixteen with one system call.
    private func writeRecords(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let batch = min(rest.count, 16 * FastCGIRecord.longestContent)
            let isWritten = self.writing(bytes: batch) {
                unsafe self.writeBatch(UnsafeRawBufferPointer(rebasing: rest[..<batch]))
            }
            guard isWritten else { return false }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[batch...])
        }
        return true
    }

    private func writeBatch(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let count = (bytes.count + FastCGIRecord.longestContent - 1) / FastCGIRecord.longestContent
        return unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { headers in
            unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2 * count) { parts in
                for index in 0..<count {
                    let offset = index * FastCGIRecord.longestContent
                    let length = min(FastCGIRecord.longestContent, bytes.count - offset)
                    let header = FastCGIRecord.header(.output, request: self.head.identifier, length: length)
                    unsafe headers.initializeElement(at: index, to: header)
                    let headerAddress = unsafe headers.baseAddress.map { unsafe UnsafeMutableRawPointer($0 + index) }
                    let contentAddress = unsafe bytes.baseAddress.map { unsafe UnsafeMutableRawPointer(mutating: $0 + offset) }
                    unsafe parts.initializeElement(
                        at: 2 * index,
                        to: iovec(iov_base: headerAddress, iov_len: FastCGIRecord.headerLength)
                    )
                    unsafe parts.initializeElement(at: 2 * index + 1, to: iovec(iov_base: contentAddress, iov_len: length))
                }
                return unsafe self.send(parts)
            }
        }
    }

    /// Sends all bytes, whatever the kernel takes at a time.
    private func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var first = 0
        while first < bytes.count, let start = bytes.baseAddress {
            let sent = unsafe Glibc.send(self.number, start + first, bytes.count - first, CInt(MSG_NOSIGNAL))
            if sent >= 0 {
                first += sent
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Sends all parts, whatever the kernel takes at a time; `sendmsg(2)`, as `writev(2)` cannot leave SIGPIPE out.
    private func send(_ parts: UnsafeMutableBufferPointer<iovec>) -> Bool {
        var first = 0
        while first < parts.count {
            var message = unsafe msghdr()
            unsafe message.msg_iov = parts.baseAddress.map { unsafe $0 + first }
            unsafe message.msg_iovlen = parts.count - first
            var sent = unsafe sendmsg(self.number, &message, CInt(MSG_NOSIGNAL))
            if sent < 0 {
                guard errno == EINTR else { return false }
                continue
            }
            while first < parts.count, unsafe sent >= parts[first].iov_len {
                unsafe sent -= parts[first].iov_len
                first += 1
            }
            if sent > 0 {
                unsafe parts[first].iov_base += sent
                unsafe parts[first].iov_len -= sent
            }
        }
        return true
    }
}
