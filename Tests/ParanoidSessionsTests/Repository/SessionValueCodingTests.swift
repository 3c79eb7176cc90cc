import FoundationEssentials
import Testing

@testable import ParanoidSessions

@Suite("Session values as bytes")
struct SessionValueCodingTests {
    private struct Cart: Codable, Equatable {
        var items: [String]
        var total: Double
    }

    private func roundTrip<Value: Codable & Equatable>(_ value: Value) throws {
        let bytes = try SessionValueCoding.encode(value)
        #expect(try SessionValueCoding.decode(Value.self, from: bytes) == value)
    }

    @Test("come back as they were, whatever their type")
    func roundTrips() throws {
        for number in [Int.min, -1, 0, 1, 255, .max] { try self.roundTrip(number) }
        try self.roundTrip(UInt64.max)
        try self.roundTrip(UInt8(200))
        try self.roundTrip(Int16.min)
        for flag in [true, false] { try self.roundTrip(flag) }
        for text in ["", "Ada", "é\0\u{1F600}", "\"quoted\" \\"] { try self.roundTrip(text) }
        try self.roundTrip(Date(timeIntervalSinceReferenceDate: 1.5))
        try self.roundTrip(0.1)
        try self.roundTrip([1, 2, 3])
        try self.roundTrip(["a": "b"])
        try self.roundTrip(Optional("x"))
        try self.roundTrip(Cart(items: ["a"], total: 2))
    }

    @Test("of trivial types are short, of others JSON")
    func forms() throws {
        #expect(try SessionValueCoding.encode(7) == [1, 0, 0, 0, 0, 0, 0, 0, 7])
        #expect(try SessionValueCoding.encode(-1 as Int8) == [1] + [UInt8](repeating: 255, count: 8))
        #expect(try SessionValueCoding.encode(true) == [2, 1])
        #expect(try SessionValueCoding.encode("ab") == [3] + Array("ab".utf8))
        #expect(try SessionValueCoding.encode([1, 2]) == Array("[1,2]".utf8))
    }

    @Test("are read as another type wherever the JSON of the same value would be")
    func otherTypes() throws {
        let seven = try SessionValueCoding.encode(7)
        #expect(try SessionValueCoding.decode(Double.self, from: seven) == 7)
        #expect(try SessionValueCoding.decode(UInt8.self, from: seven) == 7)
        #expect(try SessionValueCoding.decode(Int?.self, from: seven) == 7)
        #expect(throws: DecodingError.self) { try SessionValueCoding.decode(String.self, from: seven) }
        #expect(throws: DecodingError.self) { try SessionValueCoding.decode(UInt8.self, from: SessionValueCoding.encode(256)) }
        #expect(throws: DecodingError.self) { try SessionValueCoding.decode(UInt.self, from: SessionValueCoding.encode(-1)) }
        #expect(throws: DecodingError.self) { try SessionValueCoding.decode(Int.self, from: SessionValueCoding.encode("7")) }
        #expect(throws: DecodingError.self) { try SessionValueCoding.decode(Int.self, from: SessionValueCoding.encode(true)) }
        #expect(try SessionValueCoding.decode(Int.self, from: Array("12".utf8)) == 12)
        #expect(try SessionValueCoding.decode(String?.self, from: SessionValueCoding.encode("a\"b")) == "a\"b")
    }

    @Test("that are damaged are errors", arguments: [[], [1], [1, 2, 3], [2], [2, 2], [2, 1, 1], [3, 0xFF], [4, 0], [5]] as [[UInt8]])
    func damage(_ bytes: [UInt8]) {
        #expect(throws: (any Error).self) { try SessionValueCoding.decode(Int.self, from: bytes) }
        #expect(throws: (any Error).self) { try SessionValueCoding.decode(String.self, from: bytes) }
        #expect(throws: (any Error).self) { try SessionValueCoding.decode(Date.self, from: bytes) }
    }
}
