internal import CFCGI
internal import Glibc
internal import ParanoidLinux
internal import Synchronization

/// Reading and writing the bytes of the request being served; only its owner calls these.
extension FastCGIConnection {
    /// Answers longer than this bypass libfcgi's 8 KB buffer.
    private static var longestBufferedWrite: Int { 64 << 10 }

    /// Reads what is there, or waits for it.
    ///
    /// - Returns: 0 at the end of the body and when it broke off; ``hasReadAll`` and ``hasReadError`` tell which.
    func readSome(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard !self.hasReadAll, !self.hasReadError, let target = buffer.baseAddress, buffer.count > 0 else { return 0 }
        guard let input = unsafe self.request.pointee.in else { return 0 }
        let bytes = unsafe target.assumingMemoryBound(to: CChar.self)
        var count = 0
        if unsafe Self.buffered(input) == 0 {
            // FCGX_GetStr waits until it has all it is asked for, so it is asked for one byte.
            let start = CoarseClock.monotonicNanoseconds()
            self.transferDeadline.store(start &+ self.readBudget.remaining, ordering: .relaxed)
            count = unsafe Int(FCGX_GetStr(bytes, 1, input))
            self.transferDeadline.store(.max, ordering: .relaxed)
            self.readBudget.spend(CoarseClock.monotonicNanoseconds() - start, bytes: 0)
            if count == 0 {
                let failed = unsafe FCGX_GetError(input) != 0
                self.hasReadError = failed
                self.hasReadAll = !failed
                return 0
            }
        }
        let more = unsafe min(Self.buffered(input), buffer.count - count)
        if more > 0 {
            count += unsafe Int(FCGX_GetStr(bytes + count, CInt(more), input))
        }
        self.readBudget.spend(0, bytes: count)
        return count
    }

    /// Goes on to a filter's data after the body.
    func startData() -> Bool {
        guard self.head.role == .filter, self.hasReadAll, !self.hasStartedData else { return false }
        self.hasStartedData = true
        self.hasReadAll = false
        self.hasReadError = unsafe FCGX_StartFilterData(self.request.pointee.in) != 0
        return !self.hasReadError
    }

    /// Writes bytes: short ones into libfcgi's buffer, which leaves when it is full or with the end of the request, long ones at once.
    ///
    /// - Returns: False if the peer has gone or does not read.
    func write(_ bytes: RawSpan) -> Bool {
        guard !self.hasWriteError else { return false }
        return unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
            guard bytes.count > Self.longestBufferedWrite else {
                return self.writing(bytes: bytes.count) {
                    unsafe FCGX_PutStr(start.assumingMemoryBound(to: CChar.self), CInt(bytes.count), self.request.pointee.out)
                        == CInt(bytes.count)
                }
            }
            return unsafe self.flush() && self.writeRecords(bytes)
        }
    }

    /// Sends what libfcgi has buffered.
    func flush() -> Bool {
        guard !self.hasWriteError else { return false }
        return self.writing(bytes: 0) { unsafe FCGX_FFlush(self.request.pointee.out) == 0 }
    }

    /// Sends bytes that are records already.
    func sendAll(_ bytes: [UInt8]) -> Bool {
        self.writing(bytes: bytes.count) {
            unsafe bytes.withUnsafeBytes { bytes in
                var part = unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return unsafe withUnsafeMutablePointer(to: &part) { part in
                    unsafe self.send(UnsafeMutableBufferPointer(start: part, count: 1))
                }
            }
        }
    }

    /// Makes a call that may block in writing, within the request's budget.
    func writing(bytes: Int, _ body: () -> Bool) -> Bool {
        let start = CoarseClock.monotonicNanoseconds()
        self.transferDeadline.store(start &+ self.writeBudget.remaining, ordering: .relaxed)
        let isWritten = body()
        self.transferDeadline.store(.max, ordering: .relaxed)
        self.writeBudget.spend(CoarseClock.monotonicNanoseconds() - start, bytes: bytes)
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
        return unsafe withUnsafeTemporaryAllocation(of: InlineArray<8, UInt8>.self, capacity: count) { headers in
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

    private static func buffered(_ stream: UnsafeMutablePointer<FCGX_Stream>) -> Int {
        guard let next = unsafe stream.pointee.rdNext, let stop = unsafe stream.pointee.stop else { return 0 }
        return unsafe stop - next
    }
}
