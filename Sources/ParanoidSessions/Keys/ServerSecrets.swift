internal import Synchronization
internal import ParanoidHTTP

/// One of the server's secrets: 256 random bits and a number.
package struct ServerSecret: Sendable, Hashable {
    /// The number by which identifiers refer to this secret.
    package let number: UInt8
    let secret: SecretBytes<32>

    /// Draws a fresh secret.
    package init(number: UInt8, using generator: inout some RandomNumberGenerator) {
        self.number = number
        self.secret = SecretBytes(using: &generator)
    }

    init?(line: ArraySlice<UInt8>) {
        guard let blank = line.firstIndex(of: UInt8(ascii: " ")), blank - line.startIndex <= 3, blank > line.startIndex else { return nil }
        guard let number = Decimal.number(line[..<blank]).flatMap({ UInt8(exactly: $0) }),
            let bytes = Hexadecimal.bytes(of: line[(blank + 1)...], allowsCapitals: true),
            let secret = SecretBytes<32>(bytes)
        else { return nil }
        self.number = number
        self.secret = secret
    }

    /// The line of a secret file that holds this secret, line feed included.
    ///
    /// It goes into that file and nowhere else.
    package var fileLine: [UInt8] {
        Array("\(self.number) \(Hexadecimal.text(self.secret.bytes))\n".utf8)
    }
}

extension ServerSecret: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    package var description: String { "ServerSecret(\(self.number), redacted)" }
    /// A stand-in that is safe to log.
    package var debugDescription: String { self.description }
}

/// The server's secrets: the first one is used for new sessions, all of them for existing ones.
package struct ServerSecrets: Sendable {
    /// Why a text is not a list of secrets; it names lines, never contents.
    package struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The line, from 1; 0 for the whole text.
        package var line: Int
        /// What is wrong with it.
        package var description: String
    }

    /// The keys of each secret, newest first.
    private let keys: [ServerKeys]

    /// The keys of all secrets, newest first.
    package var all: [ServerKeys] { self.keys }

    /// Creates a ring from secrets, newest first.
    ///
    /// - Throws: ``ParseError`` when there is none, or a number occurs twice.
    package init(_ secrets: [ServerSecret]) throws(ParseError) {
        guard !secrets.isEmpty else { throw ParseError(line: 0, description: "there is no secret") }
        guard Set(secrets.map(\.number)).count == secrets.count else {
            throw ParseError(line: 0, description: "two secrets have the same number")
        }
        self.keys = secrets.map(ServerKeys.init)
    }

    /// Parses a secret file: a line per secret, newest first, each a number from 0 to 255, a blank, and 64 hexadecimal digits.
    ///
    /// Empty lines and lines that begin with `#` are passed over.
    package init(parsing text: [UInt8]) throws(ParseError) {
        try self.init(Self.secrets(parsing: text))
    }

    /// The secrets of a secret file, newest first.
    package static func secrets(parsing text: [UInt8]) throws(ParseError) -> [ServerSecret] {
        var secrets: [ServerSecret] = []
        for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard let secret = ServerSecret(line: line) else {
                throw ParseError(line: index + 1, description: "expected a number from 0 to 255, a blank and 64 hexadecimal digits")
            }
            secrets.append(secret)
        }
        return secrets
    }

    /// The keys that new sessions get.
    package var newest: ServerKeys { self.keys[0] }

    /// The keys of one secret; `nil` when the server does not have it (any more).
    package func keys(number: UInt8) -> ServerKeys? {
        self.keys.first { $0.number == number }
    }
}

/// The server's secrets as they were at the start, and those that turn up while the process runs.
///
/// A secret that was added later may already have named a session that another, newer worker made: its identifier is met here first. So a
/// number that is not known has the secrets read again, at most once a second, as anybody can make numbers up. `reload` only reads: while
/// serving, nobody makes a secret.
final class SecretRing: Sendable {
    private struct Later {
        var keys: [UInt8: ServerKeys] = [:]
        var lookedAt: ContinuousClock.Instant?
    }

    private let secrets: ServerSecrets
    private let reload: (@Sendable () -> ServerSecrets?)?
    private let later = Mutex(Later())

    init(_ secrets: ServerSecrets, reload: (@Sendable () -> ServerSecrets?)?) {
        self.secrets = secrets
        self.reload = reload
    }

    /// The keys of new sessions.
    var newest: ServerKeys { self.secrets.newest }

    /// The keys of all secrets known.
    var all: [ServerKeys] { self.secrets.all + self.later.withLock { $0.keys.values.sorted { $0.number < $1.number } } }

    /// The keys of one secret; `nil` when the server does not have it.
    func keys(number: UInt8) -> ServerKeys? {
        if let keys = self.secrets.keys(number: number) { return keys }
        guard let reload = self.reload else { return nil }
        let isDue = self.later.withLock { later in
            if later.keys[number] != nil { return false }
            if let last = later.lookedAt, last.duration(to: .now) < .seconds(1) { return false }
            later.lookedAt = .now
            return true
        }
        if isDue, let secrets = reload() {
            self.later.withLock { later in
                for keys in secrets.all where self.secrets.keys(number: keys.number) == nil { later.keys[keys.number] = keys }
            }
        }
        return self.later.withLock { $0.keys[number] }
    }
}
