/// The server's secrets: the first one is used for new sessions, all of them for existing ones.
public struct ServerSecrets: Sendable {
    /// Why a text is not a list of secrets; it names lines, never contents.
    public struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The line, from 1; 0 for the whole text.
        public var line: Int
        /// What is wrong with it.
        public var description: String
    }

    /// The keys of each secret, newest first.
    private let keys: [ServerKeys]

    /// The keys of all secrets, newest first.
    public var all: [ServerKeys] { self.keys }

    /// Creates a ring from secrets, newest first.
    ///
    /// - Throws: ``ParseError`` when there is none, or a number occurs twice.
    public init(_ secrets: [ServerSecret]) throws(ParseError) {
        guard !secrets.isEmpty else { throw ParseError(line: 0, description: "there is no secret") }
        guard Set(secrets.map(\.number)).count == secrets.count else {
            throw ParseError(line: 0, description: "two secrets have the same number")
        }
        self.keys = secrets.map(ServerKeys.init)
    }

    /// Parses a secret file: a line per secret, newest first, each a number from 0 to 255, a blank, and 64 hexadecimal digits.
    ///
    /// Empty lines and lines that begin with `#` are passed over.
    public init(parsing text: [UInt8]) throws(ParseError) {
        try self.init(Self.secrets(parsing: text))
    }

    /// The secrets of a secret file, newest first.
    public static func secrets(parsing text: [UInt8]) throws(ParseError) -> [ServerSecret] {
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
    public var newest: ServerKeys { self.keys[0] }

    /// The keys of one secret; `nil` when the server does not have it (any more).
    public func keys(number: UInt8) -> ServerKeys? {
        self.keys.first { $0.number == number }
    }
}
