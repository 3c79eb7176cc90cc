internal import CFCGI
internal import Glibc

/// Exclusive ownership of one request while it is being handled.
///
/// Not bound to a thread: it may be read, written and finished wherever its owner runs, also after a suspension. Whoever drops it without
/// ``finish(applicationStatus:)`` cuts the connection, so that the web server sees a broken answer and not a short one.
package struct FastCGIRequest: ~Copyable, Sendable {
    private var connection: FastCGIConnection?
    private let timer: RequestTimer?

    /// Takes a request over from the scheduler.
    init(_ connection: FastCGIConnection, timer: RequestTimer? = nil) {
        self.connection = connection
        self.timer = timer
    }

    /// Says whether the request's task was cancelled because it takes too long; may be asked at any time, also after the end.
    package var overdue: @Sendable () -> Bool {
        let timer = self.timer
        return { timer?.isOverdue ?? false }
    }

    deinit {
        self.connection?.abandon()
    }

    private var owned: FastCGIConnection {
        guard let connection = self.connection else { preconditionFailure("the request is finished") }
        return connection
    }

    /// What the web server asks for.
    package var role: RequestRole { self.owned.head.role }

    /// Whether parameters cannot be told apart reliably, because a name or value has a zero byte, a name has an equals sign or is empty.
    ///
    /// Such a request must be refused (400): what is read here is not what was sent.
    package var hasAmbiguousParameters: Bool { self.owned.head.hasAmbiguousParameters }

    /// Whether the web server has hung up or aborted the request; asks the system each time (`poll(2)`), without blocking.
    ///
    /// A peer that has closed only its sending half counts as gone.
    package var isClientGone: Bool { self.owned.hasPeerGone }

    /// Finds a parameter, without copying it.
    ///
    /// - Parameters:
    ///   - name: The whole name.
    ///   - body: Gets the bytes of the first parameter of that name, or `nil`; they are valid only inside.
    package borrowing func withParameter<Result, Failure: Error>(
        _ name: String,
        _ body: (RawSpan?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe name.utf8.span.bytes
        guard var entry = unsafe self.owned.request.pointee.envp else { return try body(nil) }
        while let text = unsafe entry.pointee {
            if unsafe Self.isEntry(text, named: bytes) {
                let start = unsafe UnsafeRawPointer(text + bytes.byteCount + 1)
                let value = unsafe UnsafeRawBufferPointer(start: start, count: strlen(text + bytes.byteCount + 1))
                return try unsafe body(value.bytes)
            }
            unsafe entry += 1
        }
        return try body(nil)
    }

    /// Calls `body` for each parameter in the order the web server sent them, duplicates included, without copying.
    ///
    /// - Parameter body: Gets bytes that are valid only inside.
    package borrowing func forEachParameter<Failure: Error>(
        _ body: (_ name: RawSpan, _ value: RawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        guard var entry = unsafe self.owned.request.pointee.envp else { return }
        // The first entry is libfcgi's own FCGI_ROLE, which no web server has sent.
        if unsafe entry.pointee != nil { unsafe entry += 1 }
        while let text = unsafe entry.pointee {
            defer { unsafe entry += 1 }
            guard let equals = unsafe strchr(text, 0x3D) else { continue }
            let name = unsafe UnsafeRawBufferPointer(start: text, count: equals - text)
            let value = unsafe UnsafeRawBufferPointer(start: equals + 1, count: strlen(equals + 1))
            try unsafe body(name.bytes, value.bytes)
        }
    }

    /// Reads the next bytes of the body; blocks the calling thread until there are some.
    ///
    /// - Returns: How many bytes; 0 at the end of the body, and for an empty buffer.
    /// - Throws: ``FastCGIServerError/Code/bodyTooSlow`` or ``FastCGIServerError/Code/bodyCut``; the connection will not be used again.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(FastCGIServerError) -> Int {
        let connection = self.owned
        let count = unsafe connection.readSome(into: buffer)
        guard count == 0, connection.hasReadError else { return count }
        throw connection.readError
    }

    /// Goes on from the end of the body to the data of a filter; later reads return those.
    ///
    /// - Throws: ``FastCGIServerError/Code/bodyCut`` if the request is none for a filter, or its body is not read to the end.
    package mutating func startReadingData() throws(FastCGIServerError) {
        guard self.owned.startData() else { throw FastCGIServerError(.bodyCut, "there are no data to be read") }
    }

    /// Writes bytes of the answer; blocks the calling thread while the web server is behind.
    ///
    /// Up to about 8 KB stay in a buffer and leave with the end of the request in one system call.
    ///
    /// - Throws: ``FastCGIServerError/Code/clientGone``; all later writes throw as well.
    package mutating func write(_ bytes: RawSpan) throws(FastCGIServerError) {
        guard self.owned.write(bytes) else { throw FastCGIServerError(.clientGone, "the answer could not be written") }
    }

    /// Sends what has been written so far.
    ///
    /// - Throws: ``FastCGIServerError/Code/clientGone``.
    package mutating func flush() throws(FastCGIServerError) {
        guard self.owned.flush() else { throw FastCGIServerError(.clientGone, "the answer could not be written") }
    }

    /// Ends the answer and gives the connection back, for its next request if possible.
    ///
    /// Blocks while the rest of an unread body is read, which is bounded in bytes and time, and while the answer is written.
    package consuming func finish(applicationStatus: Int32 = 0) {
        guard let connection = self.connection else { return }
        self.connection = nil
        connection.finish(applicationStatus: applicationStatus)
    }

    /// Ends the answer without waiting for the rest of an unread body; otherwise as ``finish(applicationStatus:)``.
    ///
    /// The connection is then given up, after what still comes was taken in for a while.
    package consuming func finishNow() {
        guard let connection = self.connection else { return }
        self.connection = nil
        connection.finish(applicationStatus: 0, readingRest: false)
    }

    private static func isEntry(_ text: UnsafePointer<CChar>, named name: RawSpan) -> Bool {
        unsafe name.withUnsafeBytes { name in
            guard let start = name.baseAddress else { return false }
            return unsafe strncmp(text, start.assumingMemoryBound(to: CChar.self), name.count) == 0 && text[name.count] == 0x3D
        }
    }
}

extension FastCGIConnection {
    /// Why the body broke off.
    fileprivate var readError: FastCGIServerError {
        let code = unsafe FCGX_GetError(self.request.pointee.in)
        if code == EAGAIN || self.readBudget.remaining <= 0 {
            return FastCGIServerError(.bodyTooSlow, "the body did not arrive in time")
        }
        return FastCGIServerError(.bodyCut, "the body broke off")
    }
}
