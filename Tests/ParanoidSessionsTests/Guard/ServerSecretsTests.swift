import ParanoidSessions
import Testing

@Suite("The server's secrets")
struct ServerSecretsTests {
    private static let digits = String(repeating: "0aF9", count: 16)

    @Test("are read newest first, with comments and empty lines passed over")
    func parsing() throws {
        let secrets = try ServerSecrets(parsing: Array("# ring\n\n12 \(Self.digits)\n3 \(Self.digits)\n".utf8))
        #expect(secrets.newest.number == 12)
        #expect(secrets.keys(number: 3)?.number == 3)
        #expect(secrets.keys(number: 4) == nil)
    }

    @Test("come back from the line that is written for them")
    func roundTrip() throws {
        var generator = SeededRandom(seed: 5)
        let secret = ServerSecret(number: 42, using: &generator)
        let read = try ServerSecrets(parsing: secret.fileLine)
        var identifiers = SeededRandom(seed: 6)
        let identifier = SessionIdentifier(secretNumber: 42, using: &identifiers)
        #expect(read.newest.storageName(of: identifier) == ServerKeys(secret).storageName(of: identifier))
    }

    @Test(
        "are refused with the number of the bad line, never with its contents",
        arguments: [
            ("", 0), ("# nothing\n", 0), ("1 abc\n", 1), ("\n256 \(digits)\n", 2), ("-1 \(digits)\n", 1), ("+1 \(digits)\n", 1),
            ("1\t\(digits)\n", 1), ("1 \(digits)0\n", 1), ("1 \(digits)\n1 \(digits)\n", 0), ("1  \(digits)\n", 1), ("1 \(digits)\r\n", 1),
        ]
    )
    func refusals(_ text: String, _ line: Int) {
        let error = #expect(throws: ServerSecrets.ParseError.self) { try ServerSecrets(parsing: Array(text.utf8)) }
        #expect(error?.line == line)
        #expect(error?.description.contains("0aF9") == false)
    }

    @Test("derive names, seals and tags that differ by purpose, by secret and by session")
    func derivation() {
        var generator = SeededRandom(seed: 8)
        let first = ServerKeys(ServerSecret(number: 1, using: &generator))
        let second = ServerKeys(ServerSecret(number: 1, using: &generator))
        let one = SessionIdentifier(secretNumber: 1, using: &generator)
        let two = SessionIdentifier(secretNumber: 1, using: &generator)
        #expect(first.storageName(of: one) != first.storageName(of: two))
        #expect(first.storageName(of: one) != second.storageName(of: one))
        #expect(first.userTag(of: "ann") != first.userTag(of: "bob"))
        #expect(first.userTag(of: "ann").bytes.count == 16)
        #expect(first.logTag(of: [1]).utf8.count == 12)
    }
}
