internal import Logging
public import ParanoidHTTP
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// Refuses requests of a client, or about a key, that come too often; all workers count together.
///
/// See ``Application/rateLimit(_:per:by:)``.
public final class RateLimit: HTTPMiddleware {
    private let limit: Int
    private let window: Int64
    private let key: @Sendable (Request) async throws -> String?
    private let now: @Sendable () -> Int64
    private let makeTable: @Sendable () -> RateTable
    private let table = Mutex<RateTable?>(nil)
    private let logger: Logger

    init(
        _ limit: Int,
        per window: Duration,
        by key: @escaping @Sendable (Request) async throws -> String?,
        now: @escaping @Sendable () -> Int64,
        logger: Logger,
        makeTable: @escaping @Sendable () -> RateTable
    ) {
        precondition(
            1...RateTable.greatestLimit ~= limit && window > .zero,
            "a rate limit is 1 to \(RateTable.greatestLimit) in a time above zero"
        )
        self.limit = limit
        self.window = window.wholeNanoseconds
        self.key = key
        self.now = now
        self.logger = logger
        self.makeTable = makeTable
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        if let key = try await self.key(request) { try self.count(key) }
        return try await next.handle(request)
    }

    /// Counts one use of a key, for limits on something else than whole requests: a failed login, a message that is sent.
    ///
    /// - Throws: An error that gives the client 429 with `Retry-After` when there are too many in the window. It is not counted then.
    public func count(_ key: String) throws {
        let wait = self.open().take(Array(key.utf8), limit: self.limit, window: self.window, now: self.now())
        guard let wait else { return }
        self.logger.notice(
            "requests are refused by a rate limit",
            metadata: ["rate.limit": .stringConvertible(self.limit), "rate.seconds": .stringConvertible(Double(self.window) / 1e9)]
        )
        throw HTTPError(.tooManyRequests).adding("\(wait / 1_000_000_000 + 1)", for: .retryAfter)
    }

    /// Opens the memory that all workers share; the first process does this before there are workers.
    @discardableResult
    func open() -> RateTable {
        self.table.withLock { table in
            if let table { return table }
            let made = self.makeTable()
            table = made
            return made
        }
    }
}

extension Application {
    /// A limit on how often requests may come, as middleware for the application or for a group of routes.
    ///
    /// ```swift
    /// app.add(middleware: app.rateLimit(600, per: .seconds(60)))
    /// let login = app.rateLimit(5, per: .seconds(60)) { request in try await request.form().first(named: "name") }
    /// app.group("/login", middleware: [login]).post("") { request in … }
    /// ```
    ///
    /// Requests beyond the limit get 429 with `Retry-After` and are not counted. The window slides. All workers count together, in a file of the session
    /// directory that each of them maps, so a restart of the application forgets nothing and a restart of the machine does. Make the limits in the same
    /// order in every process, before ``run()``; the order names their files.
    ///
    /// - Parameters:
    ///   - limit: How many requests a window may have, at most 1 000 000.
    ///   - window: The time.
    ///   - key: Whose requests are counted together; `nil` for a request that is not limited. By default the client's address, of which IPv6 counts the
    ///     first 64 bits, as one client has them all.
    public func rateLimit(
        _ limit: Int,
        per window: Duration,
        by key: (@Sendable (Request) async throws -> String?)? = nil
    ) -> RateLimit {
        self.rateLimit(limit, per: window, by: key, now: { CoarseClock.now() })
    }

    /// The same by another clock.
    package func rateLimit(
        _ limit: Int,
        per window: Duration,
        by key: (@Sendable (Request) async throws -> String?)?,
        now: @escaping @Sendable () -> Int64
    ) -> RateLimit {
        let logger = self.logger
        return self.rateLimits.withLock { limits in
            let name = "rate-\(limits.count)"
            let directory = self.access.hasDirectory ? self.configuration.sessionDirectory : nil
            let made = RateLimit(
                limit,
                per: window,
                by: key ?? { RateLimit.client(of: $0) },
                now: now,
                logger: logger,
                makeTable: { RateTable.open(name, in: directory, logger: logger) }
            )
            limits.append(made)
            return made
        }
    }
}

extension RateLimit {
    /// The client of a request: its address, or the network that one client has for itself.
    fileprivate static func client(of request: Request) -> String {
        Hexadecimal.text(NetworkPrefix.bytes(around: request.clientAddress, version4: 32, version6: 64))
    }
}

extension RateTable {
    /// Opens the memory of a limit; where there is no file for it, memory of this process.
    fileprivate static func open(_ name: String, in directory: String?, logger: Logger) -> RateTable {
        if let directory {
            do {
                let opened = try SecureDirectory.openOrCreate(directory)
                let page = try SharedMemory(mapping: opened.openOrCreateFile(name), byteCount: Self.byteCount)
                if page.isWritable { return RateTable(page, machineStart: SteadyWallClock.machineStart) }
            } catch {
                logger.warning("a rate limit counts in each worker by itself", metadata: ["error": "\(error)"])
            }
        }
        do throws(SystemCallError) {
            return RateTable(try SharedMemory(memoryFor: Self.byteCount / 8), machineStart: SteadyWallClock.machineStart)
        } catch {
            // Half a megabyte; without it nothing else goes on either.
            preconditionFailure("no memory for a rate limit: \(error)")
        }
    }
}
