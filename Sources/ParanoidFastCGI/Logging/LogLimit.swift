/// The most lines of one kind that a process writes in a time.
struct LogLimit: Sendable, Hashable, CustomStringConvertible {
    /// The number of lines.
    let lines: Int
    /// The time in nanoseconds.
    let window: Int64
    /// The limit in words, as the reference has it.
    let description: String

    private init(_ lines: Int, in window: Duration, _ word: String) {
        self.lines = lines
        self.window = window.wholeNanoseconds
        self.description = "\(lines) a \(word)"
    }

    static let oneAMinute = LogLimit(1, in: .seconds(60), "minute")
    static let oneASecond = LogLimit(1, in: .seconds(1), "second")
    static let tenASecond = LogLimit(10, in: .seconds(1), "second")
    /// Lines that each say something of its own: about a person, a theft, a request that was lost.
    static let hundredASecond = LogLimit(100, in: .seconds(1), "second")

    /// The limit of each message of this package that a client can cause, or that a state of the system repeats.
    ///
    /// The reference *Events and log messages* shows the same limits. Each message counts by itself, so a flood of refusals hides no theft.
    static let all: [(message: String, limit: LogLimit)] = Self.sessions + Self.stores + Self.requests + Self.connections + Self.processes

    private static let sessions: [(message: String, limit: LogLimit)] = [
        ("session began", .hundredASecond),
        ("session has a new identifier", .hundredASecond),
        ("session refused", .tenASecond),
        (
            "an old value of a session's cookies was shown: they were copied, or set back; the session has ended, or waits for its user",
            .hundredASecond
        ),
        ("a session's client has changed", .tenASecond),
        ("session withheld", .tenASecond),
        ("session released", .hundredASecond),
        ("user logged in", .hundredASecond),
        ("user logged out", .hundredASecond),
        ("sessions revoked", .hundredASecond),
        ("session has expired", .tenASecond),
        ("too many sessions of one user", .tenASecond),
        ("an old token to be remembered by was shown: it was copied, or set back; all sessions of its user end", .hundredASecond),
        ("many unknown sessions from one network", .tenASecond),
        ("a session cookie came with several values", .oneAMinute),
        ("the sessions of a user could not be counted after a login", .tenASecond),
        (
            "a request needs HTTPS, and the web server does not say that it is: nginx has to send the parameter HTTPS (fastcgi_param HTTPS $https), or set PSESSION_HTTPS_ONLY=false",
            .oneASecond
        ),
    ]

    private static let stores: [(message: String, limit: LogLimit)] = [
        ("the session store has failed", .tenASecond),
        ("session given up", .tenASecond),
        ("the server's secrets cannot be read again", .oneAMinute),
        ("a session file was moved aside", .tenASecond),
        ("a damaged session file cannot be moved aside", .tenASecond),
        ("a session was refused", .tenASecond),
        ("a removed session's file stays for now", .tenASecond),
        ("the file of a session that could not be created stays for now", .tenASecond),
        ("an event cannot be kept", .oneAMinute),
    ]

    private static let requests: [(message: String, limit: LogLimit)] = [
        ("request refused", .tenASecond),
        ("the handler has failed", .tenASecond),
        ("a response's head is longer than the web server's buffer may be", .oneAMinute),
        ("the response's head is not valid", .tenASecond),
        ("response cut short", .tenASecond),
        ("requests are refused by a rate limit", .oneASecond),
        ("a request's path is not below the mount point", .oneAMinute),
        ("A route takes too long and is cancelled.", .tenASecond),
        ("A request takes too long and is cancelled.", .tenASecond),
        ("a request took too long and was cancelled", .tenASecond),
        ("a request was slow", .tenASecond),
        ("A handler ignores that its request was cancelled.", .tenASecond),
    ]

    private static let connections: [(message: String, limit: LogLimit)] = [
        ("A peer that is not on the list was refused.", .oneASecond),
        ("A request for an unknown role was refused.", .oneASecond),
        ("A request could not begin, and its connection is closed.", .oneASecond),
        ("Requests are refused: as many as allowed are running.", .oneASecond),
        ("Connections cannot be accepted.", .oneASecond),
        ("A connection that was passed on is lost.", .tenASecond),
        ("A connection cannot be waited for.", .tenASecond),
    ]

    private static let processes: [(message: String, limit: LogLimit)] = [
        ("worker died", .hundredASecond),
        ("a worker ended while it served a request", .hundredASecond),
        ("the socket file was removed, and no new one can be made", .oneAMinute),
        ("the socket file was removed; restart the application", .oneAMinute),
    ]
}

/// Lets so many lines in a time pass and counts the others (pure).
struct LogAllowance: Sendable, Hashable {
    private var begin: Int64?
    private var lines = 0
    /// The number that did not pass since the last one that did.
    private(set) var leftOut = 0

    /// Asks for a line.
    ///
    /// - Parameter now: Nanoseconds of a clock that does not go back.
    /// - Returns: How many were left out since the last one that passed; `nil`: this one is left out as well.
    mutating func admit(_ limit: LogLimit, now: Int64) -> Int? {
        if self.isOver(limit, now: now) {
            self.begin = now
            self.lines = 0
        }
        guard self.lines < limit.lines else {
            self.leftOut += 1
            return nil
        }
        self.lines += 1
        return self.take()
    }

    /// The number that was left out, once the time in which they were is over; 0 before, and when they are told already.
    mutating func takeLeftOut(_ limit: LogLimit, now: Int64) -> Int {
        self.leftOut > 0 && self.isOver(limit, now: now) ? self.take() : 0
    }

    /// The number that was left out, and forgets it.
    mutating func take() -> Int {
        defer { self.leftOut = 0 }
        return self.leftOut
    }

    private func isOver(_ limit: LogLimit, now: Int64) -> Bool {
        guard let begin = self.begin else { return true }
        return now - begin >= limit.window
    }
}
