import HTTPTypes
import Testing

@testable import ParanoidHTTP

@Suite("CGI response head")
struct CGIResponseHeadTests {
    @Test("is a status, fields and an empty line, appended to what is there")
    func form() throws {
        var buffer = Array("before".utf8)
        try CGIResponseHead.encode(.notFound, fields: [.contentType: "text/plain", .allow: "GET"], into: &buffer)
        #expect(String(decoding: buffer, as: UTF8.self) == "beforeStatus: 404 Not Found\r\nContent-Type: text/plain\r\nAllow: GET\r\n\r\n")
    }

    @Test("has a space after a status without words")
    func noPhrase() throws {
        var buffer: [UInt8] = []
        try CGIResponseHead.appendStatus(299, to: &buffer)
        #expect(String(decoding: buffer, as: UTF8.self) == "Status: 299 \r\n")
    }

    @Test("refuses a status that ends no request", arguments: [0, 99, 100, 101, 199, 600, 999])
    func badStatus(_ code: Int) {
        var buffer: [UInt8] = []
        #expect(throws: CGIResponseHeadError.invalidStatus) {
            try CGIResponseHead.appendStatus(HTTPResponse.Status(code: code), to: &buffer)
        }
        #expect(buffer.isEmpty)
    }

    @Test(
        "refuses control bytes in a value, in every form of line break",
        arguments: [
            "a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\n\rb", "a\u{0}b", "a\u{7F}", "\u{1B}[2J", "12345678\r\n",
        ]
    )
    func badValue(_ value: String) {
        var buffer: [UInt8] = []
        #expect(throws: CGIResponseHeadError.invalidValue) { try CGIResponseHead.appendField("Location", value, to: &buffer) }
        #expect(buffer.isEmpty)
    }

    @Test("lets tabs and text through")
    func goodValue() throws {
        var buffer: [UInt8] = []
        try CGIResponseHead.appendField("X", "a\tü", to: &buffer)
        #expect(String(decoding: buffer, as: UTF8.self) == "X: a\tü\r\n")
    }

    @Test("refuses a name that is no token", arguments: ["", "A B", "A:", "A\r\n", "\u{212A}ey", ":status", "A\u{0}"])
    func badName(_ name: String) {
        var buffer: [UInt8] = []
        #expect(throws: CGIResponseHeadError.invalidName) { try CGIResponseHead.appendField(name, "x", to: &buffer) }
    }

    @Test("refuses a field that would be the status", arguments: ["Status", "status", "STATUS"])
    func status(_ name: String) {
        var buffer: [UInt8] = []
        #expect(throws: CGIResponseHeadError.reservedName) { try CGIResponseHead.appendField(name, "200", to: &buffer) }
    }

    @Test("leaves the buffer as it was when something is wrong")
    func rollback() throws {
        var buffer: [UInt8] = [1]
        var fields = HTTPFields()
        fields.append(HTTPField(name: .allow, value: "GET"))
        fields.append(HTTPField(name: try #require(HTTPField.Name("Status")), value: "200"))
        #expect(throws: CGIResponseHeadError.reservedName) { try CGIResponseHead.encode(.ok, fields: fields, into: &buffer) }
        #expect(buffer == [1])
    }
}
