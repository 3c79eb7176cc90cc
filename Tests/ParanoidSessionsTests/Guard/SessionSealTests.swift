import Testing

@testable import ParanoidSessions

@Suite("A sealed record")
struct SessionSealTests {
    private let keys: ServerKeys
    private let identifier: SessionIdentifier
    private let sealed: [UInt8]
    private let text = Array("something nobody else may read".utf8)

    init() {
        var generator = SeededRandom(seed: 9)
        self.keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        self.identifier = SessionIdentifier(secretNumber: 1, using: &generator)
        var sealed: [UInt8] = []
        SessionSeal.seal(self.text, into: &sealed, with: self.keys.sealKey(of: self.identifier), context: [1, 2], using: &generator)
        self.sealed = sealed
    }

    @Test("opens with its key and context, and is longer by what sealing adds")
    func opens() {
        #expect(self.sealed.count == self.text.count + SessionSeal.overhead)
        #expect(SessionSeal.open(self.sealed[...], with: self.keys.sealKey(of: self.identifier), context: [1, 2]) == self.text)
    }

    @Test("does not open when any bit differs, when it is cut, in another context or with another session's key")
    func closed() {
        let key = self.keys.sealKey(of: self.identifier)
        for index in self.sealed.indices {
            var changed = self.sealed
            changed[index] ^= 1 << UInt8(index % 8)
            #expect(SessionSeal.open(changed[...], with: key, context: [1, 2]) == nil)
            #expect(SessionSeal.open(self.sealed[..<index], with: key, context: [1, 2]) == nil)
        }
        #expect(SessionSeal.open(self.sealed[...], with: key, context: [1, 3]) == nil)
        var generator = SeededRandom(seed: 10)
        let other = SessionIdentifier(secretNumber: 1, using: &generator)
        #expect(SessionSeal.open(self.sealed[...], with: self.keys.sealKey(of: other), context: [1, 2]) == nil)
    }
}
