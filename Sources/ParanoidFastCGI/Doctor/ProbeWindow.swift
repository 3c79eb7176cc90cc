internal import ParanoidHTTP
internal import ParanoidLinux
internal import ParanoidSessions
internal import WorkerSupervisor

/// The permission for one probe of the doctor, in memory that all processes of the application share.
///
/// A process that may ask the status socket of this host opens it and learns a token; a request through the web server that shows the token within
/// the next seconds is told which parameters it came with. Without an open window no request is told anything, and no token is compared.
struct ProbeWindow: Sendable {
    /// How long a token can be used.
    private static let nanoseconds: Int64 = 30_000_000_000
    // Places on the scoreboard, between the statuses of responses and the events of sessions.
    private static let end = 24
    private static let token = 25
    private static let tokenWords = 4

    let scoreboard: Scoreboard

    /// Makes a token that one request can use; the one before it is void.
    func open(now: Int64 = CoarseClock.now()) -> String {
        var random = SystemRandom()
        let words = (0..<Self.tokenWords).map { _ in random.next() }
        self.close()
        for (index, word) in words.enumerated() { self.scoreboard.set(word, ofCounter: Self.token + index) }
        self.scoreboard.set(UInt64(now + Self.nanoseconds), ofCounter: Self.end)
        return words.map { Hexadecimal.text($0, width: 16) }.joined()
    }

    /// Whether somebody has asked for a token within the last seconds.
    func isOpen(now: Int64 = CoarseClock.now()) -> Bool {
        let end = Int64(self.scoreboard.value(ofCounter: Self.end))
        return end > now
    }

    /// Whether this is the token, which is void from then on; compared in a time that does not depend on it.
    func take(_ text: some Collection<UInt8>, now: Int64 = CoarseClock.now()) -> Bool {
        guard self.isOpen(now: now), text.count == Self.tokenWords * 16, let bytes = Hexadecimal.bytes(of: text) else { return false }
        var token: [UInt8] = []
        for index in 0..<Self.tokenWords {
            BigEndian.append(UInt64(bitPattern: Int64(self.scoreboard.value(ofCounter: Self.token + index))), to: &token)
        }
        guard bytes.hasSameBytes(as: token) else { return false }
        self.close()
        return true
    }

    private func close() {
        self.scoreboard.set(0, ofCounter: Self.end)
        for index in 0..<Self.tokenWords { self.scoreboard.set(0, ofCounter: Self.token + index) }
    }
}
