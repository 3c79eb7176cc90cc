import ParanoidSessions
import Testing

@testable import FileSessionStore

@Suite("Session slots")
struct SessionSlotsTests {
    private static let layout = SlotLayout.first
    private static let name: UInt64 = 0x0123_4567_89AB_CDEF

    /// What a slot of the table contains.
    enum Slot: Sendable {
        case blank
        case erased
        case session(UInt64)
        case torn(UInt64)
        case removed(UInt64)
        case foreign(UInt64)

        func bytes(_ index: Int) -> [UInt8] {
            let layout = SessionSlotsTests.layout
            let name = SessionSlotsTests.name
            var bytes: [UInt8]
            switch self {
            case .blank: bytes = []
            case .erased: bytes = SessionSlots.eraser
            case .session(let number):
                bytes = SessionSlots.encode(makeSession(encode(number), generation: number), name: name, layout: layout, index: index)
            case .torn(let number):
                bytes = SessionSlots.encode(makeSession(encode(number), generation: number), name: name, layout: layout, index: index)
                bytes[70] ^= 0x10
            case .removed(let number): bytes = SessionSlots.encodeMarker(generation: number, name: name, layout: layout, index: index)
            case .foreign(let number):
                bytes = SessionSlots.encode(makeSession(encode(number), generation: number), name: name ^ 1, layout: layout, index: index)
            }
            return bytes + [UInt8](repeating: 0, count: layout.capacity - bytes.count)
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var when: String
        var first: Slot
        var second: Slot
        var then: Verdict
        var testDescription: String { self.when }
    }

    enum Verdict: Sendable, Equatable {
        case session(UInt64, slot: Int)
        case removed(slot: Int)
        case nothing(SessionSlots.Use)
    }

    private static func judge(_ pair: [UInt8], known: SessionSlots.Position? = nil) -> SessionSlots.Finding {
        unsafe pair.withUnsafeBytes { unsafe SessionSlots.judge($0, layout: self.layout, name: self.name, known: known) }
    }

    private static func verdict(_ pair: [UInt8]) -> Verdict? {
        switch self.judge(pair) {
        case .unchanged: nil
        case .session(let session, let position):
            session.payload == encode(session.generation) && position.generation == session.generation
                ? .session(session.generation, slot: position.index) : nil
        case .removed(let position): .removed(slot: position.index)
        case .nothing(let use): .nothing(use)
        case .foreign: nil
        }
    }

    @Test(
        "the valid slot with the highest generation counts",
        arguments: [
            Row(when: "the file is new", first: .session(1), second: .blank, then: .session(1, slot: 0)),
            Row(when: "both are whole", first: .session(4), second: .session(5), then: .session(5, slot: 1)),
            Row(when: "both are whole, the other way round", first: .session(6), second: .session(5), then: .session(6, slot: 0)),
            Row(when: "the newer is half written", first: .session(4), second: .torn(5), then: .session(4, slot: 0)),
            Row(when: "the older is half written", first: .torn(4), second: .session(5), then: .session(5, slot: 1)),
            Row(when: "a half-written slot claims the same generation", first: .torn(5), second: .session(5), then: .session(5, slot: 1)),
            Row(when: "two whole slots claim one generation", first: .session(5), second: .session(5), then: .nothing(.used)),
            Row(when: "the session was removed", first: .session(4), second: .removed(5), then: .removed(slot: 1)),
            Row(when: "the state before the end was erased", first: .erased, second: .session(5), then: .session(5, slot: 1)),
            Row(when: "the end is damaged and the state before erased", first: .erased, second: .torn(5), then: .nothing(.used)),
            Row(when: "the first state is half written", first: .torn(1), second: .blank, then: .nothing(.begun)),
            Row(when: "an end in the first slot is damaged", first: .torn(5), second: .erased, then: .nothing(.used)),
            Row(when: "nothing was written", first: .blank, second: .blank, then: .nothing(.blank)),
            Row(when: "the bytes are those of another session", first: .foreign(4), second: .foreign(5), then: .nothing(.used)),
            Row(when: "a generation is 0", first: .session(0), second: .blank, then: .nothing(.begun)),
        ]
    )
    func newest(_ row: Row) {
        #expect(Self.verdict(row.first.bytes(0) + row.second.bytes(1)) == row.then)
    }

    @Test("a slot in the place of the other is not valid")
    func swapped() {
        #expect(Self.verdict(Slot.session(4).bytes(1) + Slot.session(5).bytes(0)) == .nothing(.used))
    }

    @Test("a bit flipped anywhere leaves the newer or the older state, never anything else")
    func flips() throws {
        let pair = Slot.session(4).bytes(0) + Slot.session(5).bytes(1)
        let used = SessionSlots.overhead + 8
        for offset in pair.indices {
            for bit in 0..<8 {
                var flipped = pair
                flipped[offset] ^= 1 << UInt8(bit)
                let verdict = Self.verdict(flipped)
                let isNewerHit = offset >= Self.layout.capacity && offset < Self.layout.capacity + used
                #expect(verdict == .session(isNewerHit ? 4 : 5, slot: isNewerHit ? 0 : 1), "bit \(bit) of byte \(offset)")
            }
        }
    }

    @Test("a bit flipped anywhere in the only state makes it unreadable")
    func flipsOfTheFirst() {
        let pair = Slot.session(1).bytes(0) + Slot.blank.bytes(1)
        for offset in 0..<SessionSlots.overhead + 8 {
            for bit in 0..<8 {
                var flipped = pair
                flipped[offset] ^= 1 << UInt8(bit)
                #expect(Self.verdict(flipped) == .nothing(.begun), "bit \(bit) of byte \(offset)")
            }
        }
    }

    @Test("a write that stops anywhere leaves the state before")
    func tornWrites() {
        let before = Slot.session(5).bytes(0) + Slot.session(4).bytes(1)
        let next = Slot.session(6).bytes(1).prefix(SessionSlots.overhead + 8)
        for count in 0...next.count {
            var pair = before
            pair.replaceSubrange(Self.layout.capacity..<Self.layout.capacity + count, with: next.prefix(count))
            // The last bytes of a checksum may happen to be there already.
            let isComplete = pair.dropFirst(Self.layout.capacity).starts(with: next)
            #expect(Self.verdict(pair) == (isComplete ? .session(6, slot: 1) : .session(5, slot: 0)), "\(count) bytes")
        }
    }

    @Test("an unchanged slot is recognised by generation and checksum")
    func unchanged() throws {
        let pair = Slot.session(4).bytes(0) + Slot.session(5).bytes(1)
        guard case .session(_, let position) = Self.judge(pair) else {
            Issue.record("the pair is whole")
            return
        }
        #expect(Self.judge(pair, known: position) == .unchanged)
        // The same generation with other contents, as after a restored copy, is not taken for what is known.
        let other = SessionSlots.encode(makeSession([1, 2], generation: 5), name: Self.name, layout: Self.layout, index: 1)
        var changed = pair
        changed.replaceSubrange(Self.layout.capacity..<Self.layout.capacity + other.count, with: other)
        guard case .session(let found, _) = Self.judge(changed, known: position) else {
            Issue.record("the changed pair is whole")
            return
        }
        #expect(found.payload == [1, 2])
    }

    @Test("the next state never goes where the present one is")
    func targets() throws {
        let current = SessionSlots.Position(layout: .first, index: 1, generation: 7, checksum: 0)
        let same = try #require(SessionSlots.target(100, current: current, last: .first))
        #expect(same.layout == .first && same.index == 0 && !same.isNew)
        let larger = try #require(SessionSlots.target(2049, current: current, last: .first))
        #expect(larger.layout.level == 1 && larger.index == 0 && larger.isNew)
        let interrupted = try #require(SessionSlots.target(100, current: current, last: SlotLayout(level: 2)))
        #expect(interrupted.layout.level == 2 && interrupted.isNew)
        #expect(SessionSlots.target(1 << 40, current: current, last: .first) == nil)
    }
}

@Suite("Slot layout")
struct SlotLayoutTests {
    @Test("pairs follow one another without a gap, and no two slots share a sector")
    func geometry() {
        var end = 0
        for level in 0...SlotLayout.highestLevel {
            let layout = SlotLayout(level: level)
            #expect(layout.offset == end)
            #expect(layout.offset(ofSlot: 1) % 512 == 0)
            end = layout.fileByteCount
        }
    }

    @Test(
        "the last complete pair follows from the size of the file",
        arguments: [
            (0, nil), (4095, nil), (4096, 0), (12287, 0), (12288, 1), (28671, 1), (28672, 2),
        ]
    )
    func last(_ size: Int, _ level: Int?) {
        #expect(SlotLayout.last(inFileOf: size)?.level == level)
    }
}
