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
    ///
    /// `nil` if requests may take as long as they want.
    package var overdue: (@Sendable () -> Bool)? {
        guard let timer = self.timer else { return nil }
        return { timer.isOverdue }
    }

    deinit {
        self.connection?.abandon()
    }

    private var owned: FastCGIConnection {
        guard let connection = self.connection else { preconditionFailure("the request is finished") }
        return connection
    }

    /// The role that the web server asks for.
    package var role: RequestRole { self.owned.head.role }

    /// Whether parameters cannot be told apart reliably, because a name or value has a zero byte, a name has an equals sign or is empty.
    ///
    /// Such a request must be refused (400): a program that sees C strings reads other parameters. They are looked through each time.
    package var hasAmbiguousParameters: Bool {
        self.owned.withParameters { bytes in
            unsafe bytes.withUnsafeBytes { bytes in
                var pairs = ParameterPairs()
                while let pair = unsafe pairs.next(in: bytes) {
                    if unsafe pair.isAmbiguous(in: bytes) { return true }
                }
                return false
            }
        }
    }

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
        let wanted = unsafe name.utf8.span.bytes
        let connection = self.owned
        return try connection.withParameters { (bytes) throws(Failure) in
            guard let value = connection.value(of: wanted, in: bytes) else { return try body(nil) }
            return try body(bytes.extracting(value))
        }
    }

    /// Calls `body` for each name, in their order, with the bytes of the first parameter of that name or with `nil`, without copying.
    package borrowing func withParameters(_ names: [String], _ body: (_ name: String, RawSpan?) -> Void) {
        let connection = self.owned
        connection.withParameters { bytes in
            for name in names {
                if let value = unsafe connection.value(of: name.utf8.span.bytes, in: bytes) {
                    body(name, bytes.extracting(value))
                } else {
                    body(name, nil)
                }
            }
        }
    }

    /// Calls `body` for each parameter in the order the web server sent them, duplicates included, without copying.
    ///
    /// - Parameter body: Gets bytes that are valid only inside.
    package borrowing func forEachParameter(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) {
        self.owned.withParameters { bytes in
            unsafe bytes.withUnsafeBytes { all in
                var pairs = ParameterPairs()
                while let pair = unsafe pairs.next(in: all) {
                    body(bytes.extracting(pair.name..<pair.value), bytes.extracting(pair.value..<pair.end))
                }
            }
        }
    }

    /// When the first byte of the request's head was seen, in nanoseconds since the epoch.
    package var receivedAtNanoseconds: Int64 { self.owned.arrival.wallNanoseconds }

    /// The same moment on the clock that does not step (`CLOCK_MONOTONIC_COARSE`), in nanoseconds.
    package var receivedAtMonotonicNanoseconds: Int64 { self.owned.arrival.monotonicNanoseconds }

    /// Declares how long the body is, as the web server says (`CONTENT_LENGTH`); without it the body is what comes up to the stream's end.
    ///
    /// A body that is longer fails in being read, also when the handler asks for no byte beyond; a whole one is not waited for any longer.
    package mutating func declareLength(_ length: Int) {
        self.owned.declaredLength = length
    }

    /// The beginning of a body, before it is read.
    package enum BodyOutlook: Sendable {
        /// There is none.
        case empty
        /// At least one byte of it has come.
        case present
        /// Its first byte or its end has not come yet.
        case unknown
    }

    /// The beginning of the body, as far as it has arrived; does not wait.
    package var bodyOutlook: BodyOutlook { self.owned.bodyOutlook }

    /// Reads the next bytes of the body; blocks the calling thread until there are some.
    ///
    /// - Returns: How many bytes; 0 at the end of the body, and for an empty buffer.
    /// - Throws: ``FastCGIServerError/Code/bodyTooSlow``, ``FastCGIServerError/Code/bodyTooLong`` or ``FastCGIServerError/Code/bodyCut``.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(FastCGIServerError) -> Int {
        let connection = self.owned
        let count = unsafe connection.readSome(into: buffer)
        guard count == 0, let failure = connection.readFailure else { return count }
        throw FastCGIServerError(failure)
    }

    /// Goes on from the end of the body to the data of a filter; later reads return those.
    ///
    /// - Throws: ``FastCGIServerError/Code/bodyCut`` if the request is none for a filter, or its body is not read to the end.
    package mutating func startReadingData() throws(FastCGIServerError) {
        guard self.owned.startData() else { throw FastCGIServerError(.bodyCut, "there are no data to be read") }
    }

    /// Writes bytes of the response; blocks the calling thread while the web server is behind.
    ///
    /// Up to about 8 KB stay in a buffer and leave with the end of the request in one system call.
    ///
    /// - Throws: ``FastCGIServerError/Code/clientGone``; all later writes throw as well.
    package mutating func write(_ bytes: RawSpan) throws(FastCGIServerError) {
        guard self.owned.write(bytes) else { throw FastCGIServerError(.clientGone, "the response could not be written") }
    }

    /// Sends what has been written so far.
    ///
    /// - Throws: ``FastCGIServerError/Code/clientGone``.
    package mutating func flush() throws(FastCGIServerError) {
        guard self.owned.flush() else { throw FastCGIServerError(.clientGone, "the response could not be written") }
    }

    /// Ends the response and gives the connection back, for its next request if possible.
    ///
    /// Blocks while the response is written. The rest of an unread body is thrown away as it comes, within bounds.
    package consuming func finish(applicationStatus: Int32 = 0) {
        guard let connection = self.connection else { return }
        self.connection = nil
        connection.finish(applicationStatus: applicationStatus)
    }
}

extension FastCGIServerError {
    /// The error for a body that cannot be read.
    fileprivate init(_ failure: FastCGIConnection.InputFailure) {
        switch failure {
        case .tooSlow: self.init(.bodyTooSlow, "the body did not arrive in time")
        case .tooLong: self.init(.bodyTooLong, "the body is longer than declared")
        case .cut: self.init(.bodyCut, "the body broke off")
        case .aborted: self.init(.bodyCut, "the web server has given the request up")
        }
    }
}
