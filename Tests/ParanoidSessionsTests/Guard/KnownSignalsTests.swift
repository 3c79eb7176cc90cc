@testable import ParanoidSessions
import Testing

@Suite("What a session knows of its client")
struct KnownSignalsTests {
    private let keys: ServerKeys = {
        var generator = SeededRandom(seed: 5)
        return ServerKeys(ServerSecret(number: 1, using: &generator))
    }()

    private func signals(_ readings: [(String, String, SignalPolicy)]) -> ClientSignals {
        let source = readings.map { "\($0.0)=\($0.1)" }.joined(separator: ";")
        return ClientSignals(source: Array(source.utf8)) {
            readings.map { ClientSignals.Reading(name: $0.0, value: Array($0.1.utf8), policy: $0.2) }
        }
    }

    private func known(_ readings: [(String, String, SignalPolicy)]) -> KnownSignals {
        var known = KnownSignals()
        known.complete(with: self.signals(readings), keys: self.keys)
        return known
    }

    @Test("finds nothing where nothing has changed, and reads nothing for that")
    func same() {
        let known = self.known([("address", "10.0.0", .rotate), ("agent", "Firefox", .challenge)])
        let same = self.signals([("address", "10.0.0", .rotate), ("agent", "Firefox", .challenge)])
        #expect(known.findings(on: same, keys: self.keys) == nil)
        let unread = ClientSignals(source: same.source) {
            Issue.record("the bytes are the same")
            return []
        }
        #expect(known.findings(on: unread, keys: self.keys) == nil)
    }

    @Test("finds what has changed, and the gravest consequence counts")
    func changes() {
        let known = self.known([("address", "a", .rotate), ("agent", "Firefox", .challenge), ("language", "de", .log)])
        let findings = known.findings(
            on: self.signals([("address", "b", .rotate), ("agent", "Safari", .challenge), ("language", "de", .log)]),
            keys: self.keys
        )
        #expect(findings?.changes.map(\.name) == ["address", "agent"])
        #expect(findings?.policy == .challenge)
        #expect(SignalPolicy.allCases == SignalPolicy.allCases.sorted())
    }

    @Test("does not take other bytes with the same meaning for a change")
    func sameMeaning() {
        let known = self.known([("agent", "Firefox", .challenge)])
        let newer = ClientSignals(source: [9]) { [ClientSignals.Reading(name: "agent", value: Array("Firefox".utf8), policy: .challenge)] }
        #expect(known.findings(on: newer, keys: self.keys) == nil)
    }

    @Test("knows a value again that it has seen before, and forgets the oldest of many")
    func memory() {
        var known = self.known([("address", "0", .log)])
        for number in 1...KnownSignals.maximumCount {
            let findings = known.findings(on: self.signals([("address", "\(number)", .log)]), keys: self.keys)
            #expect(findings?.changes.count == 1)
            if let findings { known.remember(findings) }
        }
        #expect(known.findings(on: self.signals([("address", "1", .log)]), keys: self.keys) == nil)
        #expect(known.findings(on: self.signals([("address", "0", .log)]), keys: self.keys) != nil)
    }

    @Test("takes a signal that a rule was made for later as it comes")
    func laterRule() {
        var known = self.known([("address", "a", .log)])
        let more = self.signals([("address", "a", .log), ("SSL_CIPHER", "x", .end)])
        #expect(known.findings(on: more, keys: self.keys) == nil)
        let before = known
        known.complete(with: more, keys: self.keys)
        #expect(known.hasOtherValues(than: before))
        #expect(known.findings(on: self.signals([("address", "a", .log), ("SSL_CIPHER", "y", .end)]), keys: self.keys)?.policy == .end)
    }

    @Test("moves nothing from one signal to another")
    func separation() {
        let known = self.known([("a", "bc", .log), ("ab", "c", .log)])
        let codes = known.entries.map(\.codes)
        #expect(Set(codes).count == 2)
    }

    @Test("survives storage, with a session that waits")
    func coding() throws {
        var generator = SeededRandom(seed: 6)
        var tracking = SessionTracking(boundTo: Fingerprint(of: ClientTraits([]), keys: self.keys), at: .distantPast, using: &generator)
        tracking.known = self.known([("address", "a", .log), ("agent", "Firefox", .log)])
        tracking.isSuspended = true
        let record = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 9), tracking: tracking)
        #expect(SessionRecord(decoding: record.encoded()) == record)
        #expect(!record.encoded().contains("Firefox".utf8))
    }
}
