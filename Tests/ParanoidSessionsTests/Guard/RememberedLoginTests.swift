import Testing

@testable import ParanoidSessions

@Suite("Remembered logins")
struct RememberedLoginTests {
    private static let start = Timestamp(secondsSinceEpoch: 1_000_000)

    /// What is shown, after how many seconds, and what it means: tokens are numbered as they are given, 0 first.
    struct Step: Sendable {
        var shows: Int
        var at: Int
        var means: String
    }

    @Test(
        "tell used tokens that come again from those that were lost or late",
        arguments: [
            (
                "at once",
                [Step(shows: 0, at: 5, means: "as is"), Step(shows: 0, at: 6, means: "1"), Step(shows: 1, at: 11, means: "as is")]
            ),
            ("in turn", [Step(shows: 0, at: 10, means: "1"), Step(shows: 1, at: 20, means: "2"), Step(shows: 2, at: 9000, means: "3")]),
            (
                "lost answers",
                [Step(shows: 0, at: 10, means: "1"), Step(shows: 0, at: 5000, means: "2"), Step(shows: 2, at: 9000, means: "3")]
            ),
            ("late", [Step(shows: 0, at: 10, means: "1"), Step(shows: 1, at: 20, means: "2"), Step(shows: 0, at: 26, means: "as is")]),
            (
                "used again",
                [Step(shows: 0, at: 10, means: "1"), Step(shows: 1, at: 20, means: "2"), Step(shows: 0, at: 27, means: "reuse")]
            ),
            (
                "two holders",
                [
                    Step(shows: 0, at: 10, means: "1"), Step(shows: 0, at: 100, means: "2"), Step(shows: 1, at: 200, means: "3"),
                    Step(shows: 2, at: 300, means: "reuse"),
                ]
            ),
            (
                // The answer to the second tab overtakes nothing but arrives last, and stays in the jar.
                "two tabs",
                [
                    Step(shows: 0, at: 100, means: "1"), Step(shows: 0, at: 101, means: "2"), Step(shows: 1, at: 102, means: "as is"),
                    Step(shows: 2, at: 9000, means: "3"), Step(shows: 3, at: 9900, means: "4"),
                ]
            ),
        ]
    )
    func tokens(_ row: (name: String, steps: [Step])) {
        var generator = SeededRandom(seed: 7)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        var login = RememberedLogin(user: "ann", device: nil, at: Self.start, using: &generator)
        var given = [login.firstNonce(keys: keys, using: &generator)]
        for step in row.steps {
            let now = Self.start.advanced(by: .seconds(step.at))
            let means: String
            switch login.show(given[step.shows], arrivedAt: now, at: now, delay: .seconds(6), keys: keys, using: &generator) {
            case .accepted(let next?):
                given.append(next)
                means = "\(given.count - 1)"
            case .accepted(nil): means = "as is"
            case .foreign, .old: means = "foreign"
            case .reuse: means = "reuse"
            }
            #expect(means == step.means, "\(row.name), \(step.at) s")
            let decoded = RememberedLogin(decoding: login.encoded())
            #expect(decoded == login)
        }
        #expect(Set(given).count == given.count)
    }

    @Test("prove nothing by a request of which nobody knows when it was sent, log it in while its token is good, and learn nothing from it")
    func cut() {
        var generator = SeededRandom(seed: 9)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        var login = RememberedLogin(user: "ann", device: nil, at: Self.start, using: &generator)
        func show(_ nonce: Nonce, at seconds: Int, isCut: Bool = false) -> RememberedLogin.Verdict {
            let now = Self.start.advanced(by: .seconds(seconds))
            return login.show(nonce, arrivedAt: now, isCut: isCut, at: now, delay: .seconds(6), keys: keys, using: &generator)
        }
        let first = login.firstNonce(keys: keys, using: &generator)
        let before = login
        let early = show(first, at: 20, isCut: true)
        #expect(early == .accepted(next: nil) && login == before)
        guard case .accepted(let second?) = show(first, at: 100) else { return #expect(Bool(false), "the second value is given") }
        // The first show of a newer value in such a request moves nothing on: what is older may still be under way.
        let given = login
        let ahead = show(second, at: 110, isCut: true)
        #expect(ahead == .accepted(next: nil) && login == given)
        _ = show(second, at: 300)
        let moved = login
        let old = show(first, at: 500, isCut: true)
        #expect(old == .old && login == moved)
        let proof = show(first, at: 500)
        #expect(proof == .reuse)
    }

    @Test("take no token that was never given, and survive their bytes")
    func foreign() {
        var generator = SeededRandom(seed: 8)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        var login = RememberedLogin(
            user: "ann",
            device: SessionDevice(label: "Phone", address: "10.0.0.1"),
            at: Self.start,
            using: &generator
        )
        let other = RememberedLogin(user: "bob", device: nil, at: Self.start, using: &generator)
        let nonce = other.firstNonce(keys: keys, using: &generator)
        let verdict = login.show(nonce, arrivedAt: Self.start, at: Self.start, delay: .seconds(6), keys: keys, using: &generator)
        #expect(verdict == .foreign)
        #expect(!login.hasGiven(nonce, keys: keys) && other.hasGiven(nonce, keys: keys))
        let bytes = login.encoded()
        #expect(RememberedLogin(decoding: bytes) == login)
        for count in 0..<(bytes.count - 30) { #expect(RememberedLogin(decoding: Array(bytes.prefix(count))) != login) }
        let identifier = SessionIdentifier(secretNumber: 1, using: &generator)
        let token = RememberToken(identifier: identifier, nonce: nonce)
        #expect(token.cookieValue.utf8.count == 76)
        #expect(RememberToken(cookieValue: Array(token.cookieValue.utf8)) == token)
        #expect(RememberToken(cookieValue: Array(token.cookieValue.utf8.dropLast())) == nil)
        #expect("\(token)" == "RememberToken(redacted)")
        #expect(keys.rememberStorageName(of: identifier) != keys.storageName(of: identifier))
    }
}
