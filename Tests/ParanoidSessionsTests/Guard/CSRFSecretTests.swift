import Testing

@testable import ParanoidSessions

@Suite("CSRF secrets")
struct CSRFSecretTests {
    private var generator = SeededRandom(seed: 60)

    private mutating func tracking(_ keys: ServerKeys) -> SessionTracking {
        SessionTracking(boundTo: Fingerprint(of: ClientTraits([]), keys: keys), at: .distantPast, using: &self.generator)
    }

    @Test("give another token each time, and all of them verify, in any order, with this session only")
    mutating func tokens() {
        let keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
        let (mine, other) = (self.tracking(keys), self.tracking(keys))
        let secret = CSRFSecret(of: mine, keys: keys)
        var tokens: [String] = []
        for _ in 0..<50 { tokens.append(secret.token(using: &self.generator)) }
        #expect(Set(tokens).count == tokens.count)
        // No place of the text is the same in all of them.
        for place in 0..<64 { #expect(Set(tokens.map { Array($0.utf8)[place] }).count > 1) }
        for token in tokens.reversed() {
            #expect(token.utf8.count == 64)
            #expect(CSRFSecret(of: mine, keys: keys).verifies(token.utf8))
            #expect(!CSRFSecret(of: other, keys: keys).verifies(token.utf8))
        }
        let foreign = ServerKeys(ServerSecret(number: 1, using: &self.generator))
        #expect(!CSRFSecret(of: mine, keys: foreign).verifies(tokens[0].utf8))
    }

    @Test("verify nothing that is changed, short, long or of another form")
    mutating func forgeries() {
        let keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
        let secret = CSRFSecret(of: self.tracking(keys), keys: keys)
        let token = Array(secret.token(using: &self.generator).utf8)
        for place in token.indices {
            var changed = token
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(!secret.verifies(changed))
        }
        #expect(!secret.verifies(token.dropLast()))
        #expect(!secret.verifies(token + token))
        #expect(!secret.verifies([]))
        #expect(!secret.verifies(Array(repeating: UInt8(ascii: "A"), count: 64)))
        #expect("\(secret)" == "CSRFSecret(redacted)")
    }

    @Test("of clients without session belong to a key that only the server can sign")
    mutating func clients() {
        let keys = ServerKeys(ServerSecret(number: 3, using: &self.generator))
        let key = AnonymousClientKey(keys: keys, using: &self.generator)
        #expect(key.isSigned(by: keys))
        #expect(key.cookieValue.utf8.count == 76)
        #expect(AnonymousClientKey(cookieValue: key.cookieValue.utf8) == key)
        let text = Array(key.cookieValue.utf8)
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(AnonymousClientKey(cookieValue: changed)?.isSigned(by: keys) != true)
        }
        #expect(AnonymousClientKey(cookieValue: text.dropLast(4)) == nil)
        let foreign = ServerKeys(ServerSecret(number: 3, using: &self.generator))
        #expect(!key.isSigned(by: foreign))
        #expect("\(key)" == "AnonymousClientKey(redacted)")
    }
}
