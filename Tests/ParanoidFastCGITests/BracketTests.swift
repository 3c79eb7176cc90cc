import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@Suite("Text with brackets")
struct BracketTests {
    @Test("is no nested value: a string of any brackets is stored as it is", arguments: ["[", "{", "]", "{[\"", "\\\""])
    func text(_ piece: String) async throws {
        let scene = try VisitApplication()
        let key = SessionKey<String>("text")
        let text = String(repeating: piece, count: 500)
        scene.app.post("/text") { request in
            try await request.session.set(key, to: text)
            return "set"
        }
        scene.app.get("/text") { request in try await request.session.value(key) ?? "-" }
        var client = scene.client()
        #expect(try await client.post("/text").text == "set")
        #expect(try await client.get("/text").text == text)
    }

    /// How the bytes of a text are written, with and without a mark before them.
    private enum Encoding: String, CaseIterable {
        case utf8, utf16BigEndian, utf16LittleEndian, utf32BigEndian, utf32LittleEndian

        func bytes(_ text: String, marked: Bool) -> [UInt8] {
            let scalars = (marked ? "\u{FEFF}" : "") + text
            switch self {
            case .utf8: return Array(scalars.utf8)
            case .utf16BigEndian: return scalars.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            case .utf16LittleEndian: return scalars.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
            case .utf32BigEndian: return scalars.unicodeScalars.flatMap { Self.word($0.value) }
            case .utf32LittleEndian: return scalars.unicodeScalars.flatMap { Self.word($0.value).reversed() }
            }
        }

        private static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    }

    private struct Nest: Decodable {
        let depth: Int

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            self.depth = list.isAtEnd ? 1 : try list.decode(Nest.self).depth + 1
        }
    }

    @Test(
        "in a body is counted in what the decoder reads: other encodings are refused, whatever their depth",
        arguments: [1, 64, 65, 512, 100_000]
    )
    func bodies(_ depth: Int) async throws {
        let scene = try VisitApplication()
        scene.app.post("/nest") { request in try await "\(request.decodeJSON(Nest.self).depth)" }
        var client = scene.client()
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        for encoding in Encoding.allCases {
            for marked in [false, true] {
                let body = TestBody.bytes(encoding.bytes(text, marked: marked), type: "application/json")
                let answer = try await client.post("/nest", body)
                let isRead = encoding == .utf8 && depth <= 64
                #expect(answer.status == (isRead ? 200 : 400), "\(encoding), \(marked ? "marked" : "plain")")
                if isRead { #expect(answer.text == "\(depth)") }
            }
        }
    }
}
