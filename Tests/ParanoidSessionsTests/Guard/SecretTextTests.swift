import Testing

@testable import ParanoidSessions

@Suite("The texts that clients hold")
struct SecretTextTests {
    private static func identifier() -> SessionIdentifier {
        var generator = SeededRandom(seed: 1)
        return SessionIdentifier(secretNumber: 255, using: &generator)
    }

    @Test("of an identifier are 44 characters, carry the secret's number and come back as they were")
    func identifierRoundTrip() {
        let identifier = Self.identifier()
        #expect(identifier.cookieValue.utf8.count == 44)
        #expect(identifier.secretNumber == 255)
        #expect(SessionIdentifier(cookieValue: identifier.cookieValue.utf8) == identifier)
    }

    @Test(
        "are refused in any other shape",
        arguments: [
            [], Array("../../../../etc/passwd".utf8), Array(repeating: 0x41, count: 43), Array(repeating: 0x41, count: 45),
            Array(repeating: 0x2B, count: 44), Array(repeating: 0x3D, count: 44), Array(repeating: 0, count: 44),
            Array(repeating: 0xFF, count: 44), Array(repeating: 0x41, count: 10_000), Array("é".utf8) + Array(repeating: 0x41, count: 42),
            Array(repeating: 0x41, count: 43) + [0x0A],
        ] as [[UInt8]]
    )
    func refusals(_ text: [UInt8]) {
        #expect(SessionIdentifier(cookieValue: text) == nil)
        #expect(SecureKey(cookieValue: text) == nil)
        #expect(Nonce(cookieValue: text) == nil)
    }

    @Test("are never printed, not even by a dump")
    func redaction() {
        let identifier = Self.identifier()
        var generator = SeededRandom(seed: 2)
        let key = SecureKey(using: &generator)
        let secret = ServerSecret(number: 1, using: &generator)
        let keys = ServerKeys(secret)
        for text in [
            String(describing: identifier), String(reflecting: identifier), "\(key)", "\(secret)", "\(keys)", String(reflecting: secret),
        ] {
            #expect(text.contains("redacted"))
        }
        var dumped = ""
        dump([identifier as Any, key as Any, secret as Any, keys as Any], to: &dumped)
        #expect(!dumped.contains("UInt8"))
        for byte in secret.secret.bytes.prefix(4) { #expect(!dumped.contains("- \(byte)\n")) }
    }

    @Test("of nonces verify in their own stream and at their own position only")
    func nonces() throws {
        var generator = SeededRandom(seed: 3)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let stream = NonceStream(seed: SecretBytes<24>(Array(repeating: 1, count: 24))!, keys: keys)
        let other = NonceStream(seed: SecretBytes<24>(Array(repeating: 2, count: 24))!, keys: keys)
        let foreign = NonceStream(
            seed: SecretBytes<24>(Array(repeating: 1, count: 24))!,
            keys: ServerKeys(ServerSecret(number: 1, using: &generator))
        )
        let nonce = stream.nonce(at: 7)
        let shown = try #require(Nonce(cookieValue: nonce.cookieValue.utf8))
        #expect(nonce.cookieValue.utf8.count == 32)
        #expect(shown == nonce)
        #expect(stream.verifies(shown))
        #expect(!other.verifies(shown))
        #expect(!foreign.verifies(shown))
        #expect(!stream.verifies(Nonce(position: 8, tag: nonce.tag)))
        #expect(stream.nonce(at: .max) != stream.nonce(at: 0))
    }

    @Test("are compared to the last byte")
    func comparison() {
        #expect([1, 2, 3].hasSameBytes(as: [1, 2, 3]))
        #expect(![1, 2, 3].hasSameBytes(as: [1, 2, 4]))
        #expect(![0, 2, 3].hasSameBytes(as: [1, 2, 3]))
        #expect(![1, 2].hasSameBytes(as: [1, 2, 3]))
        #expect([UInt8]().hasSameBytes(as: []))
        let secret = SecretBytes<33>(0..<33)!
        #expect(secret == SecretBytes<33>(0..<33) && SecretBytes<33>(0..<32) == nil)
        for index in 0..<33 {
            var changed = secret
            changed[index] ^= 1
            #expect(changed != secret)
        }
    }
}
