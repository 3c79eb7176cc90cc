import ParanoidSessions
import Testing

@Suite("A session name")
struct SessionNameTests {
    @Test("survives the trip through its hexadecimal form")
    func roundTrip() throws {
        let bytes = (0..<32).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
        let name = try #require(SessionName(bytes: bytes))
        #expect(name.bytes == bytes)
        #expect(name.hexadecimal.utf8.count == 64)
        #expect(SessionName(hexadecimal: Array(name.hexadecimal.utf8)) == name)
    }

    @Test(
        "is nothing but 64 lower-case digits",
        arguments: [
            "", String(repeating: "a", count: 63), String(repeating: "A", count: 64), String(repeating: "g", count: 64),
            "../" + String(repeating: "a", count: 61),
        ]
    )
    func refuses(_ text: String) {
        #expect(SessionName(hexadecimal: Array(text.utf8)) == nil)
    }
}
