import ParanoidSessions
import Testing

@Suite("Edits of a session")
struct SessionEditsTests {
    private let a: [UInt8] = [0x61]
    private let b: [UInt8] = [0x62]

    @Test("are applied in their order to the record as it is when they are committed")
    func order() {
        var edits = SessionEdits()
        edits.add(.set([1]), to: self.a)
        edits.add(.transform { ($0 ?? []) + [2] }, to: self.a)
        edits.add(.remove, to: self.b)
        var record = SessionRecord(createdAt: .distantPast)
        record.values[self.a] = [9]
        record.values[self.b] = [9]
        record.values[[0x63]] = [3]
        edits.apply(to: &record)
        #expect(record.values[self.a] == [1, 2])
        #expect(record.values[self.b] == nil)
        #expect(record.values[[0x63]] == [3])
    }

    @Test("of two requests that transform one value both count, whichever commits first")
    func merging() {
        var first = SessionEdits()
        var second = SessionEdits()
        first.add(.transform { ($0 ?? []) + [1] }, to: self.a)
        second.add(.transform { ($0 ?? []) + [2] }, to: self.a)
        var record = SessionRecord(createdAt: .distantPast)
        second.apply(to: &record)
        first.apply(to: &record)
        #expect(record.values[self.a] == [2, 1])
    }

    @Test("let a request see its own, over what was stored")
    func view() {
        var stored = SessionValues()
        stored[self.a] = [1]
        stored[self.b] = [2]
        var edits = SessionEdits()
        edits.add(.set([5]), to: self.a)
        #expect(edits.value(of: self.a, over: stored) == [5])
        #expect(edits.value(of: self.b, over: stored) == [2])
        edits.clear()
        edits.add(.set([6]), to: self.b)
        #expect(edits.value(of: self.a, over: stored) == nil)
        #expect(edits.values(over: stored).entries.map(\.name) == [self.b])
    }

    @Test("that clear take values, lifetime and user away before the later ones come")
    func clearing() {
        var record = SessionRecord(
            createdAt: .distantPast,
            lifetime: .idle(.seconds(5)),
            user: SessionUser(name: "ann", loggedInAt: .distantPast)
        )
        record.values[self.a] = [1]
        var edits = SessionEdits()
        edits.add(.set([5]), to: self.a)
        edits.clear()
        edits.add(.set([7]), to: self.b)
        edits.apply(to: &record)
        #expect(record.values.entries == [SessionValues.Entry(name: self.b, bytes: [7])])
        #expect(record.lifetime == .standard)
        #expect(record.user == nil)
    }

    private struct Refusal: Error {}

    @Test("that cannot be applied are reported, and leave their value as it was")
    func failure() {
        var record = SessionRecord(createdAt: .distantPast)
        record.values[self.a] = [1]
        var edits = SessionEdits()
        edits.add(.transform { _ in throw Refusal() }, to: self.a)
        edits.add(.set([2]), to: self.b)
        #expect(edits.apply(to: &record) is Refusal)
        #expect(record.values[self.a] == [1])
        #expect(edits.value(of: self.a, over: record.values) == [1])
    }

    @Test("count the whole values of others that they overwrite, and nothing else")
    func conflicts() {
        var seen = SessionValues()
        seen[self.a] = [1]
        seen[self.b] = [1]
        var current = seen
        var edits = SessionEdits()
        edits.add(.set([3]), to: self.a)
        #expect(edits.conflicts(seen: seen, current: current) == 0)
        current[self.b] = [9]
        #expect(edits.conflicts(seen: seen, current: current) == 0)
        current[self.a] = [2]
        #expect(edits.conflicts(seen: seen, current: current) == 1)
        current[self.a] = [3]
        #expect(edits.conflicts(seen: seen, current: current) == 0)
        current[self.a] = nil
        #expect(edits.conflicts(seen: seen, current: current) == 1)
        edits.add(.transform { $0 }, to: self.a)
        #expect(edits.conflicts(seen: seen, current: current) == 0)
        #expect(edits.conflicts(seen: nil, current: current) == 0)
    }
}
