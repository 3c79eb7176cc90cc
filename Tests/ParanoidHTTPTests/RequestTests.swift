import HTTPTypes
import Logging
import Testing

@testable import ParanoidHTTP

@Suite("Request")
struct RequestTests {
    @Test("keeps attached values to the copy that got them")
    func storage() {
        let original = makeRequest()
        var copy = original
        copy[Int.self] = 1
        copy[String.self] = "x"
        var second = copy
        second[Int.self] = 2
        second[String.self] = nil
        #expect(original[Int.self] == nil)
        #expect(copy[Int.self] == 1)
        #expect(copy[String.self] == "x")
        #expect(second[Int.self] == 2)
        #expect(second[String.self] == nil)
    }

    @Test("can be given another logger")
    func logger() {
        let original = makeRequest(logger: Logger(label: "test", factory: { _ in RecordingLogHandler() }))
        var copy = original
        copy.logger[metadataKey: "id"] = "1"
        #expect(copy.logger[metadataKey: "id"] == "1")
        #expect(original.logger[metadataKey: "id"] == nil)
    }

    @Test("looks single header fields up in the parameters")
    func header() throws {
        let request = makeRequest(
            .get,
            "/",
            [
                "HTTP_USER_AGENT": "curl", "HTTP_X_A_B": "1", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "",
                "HTTP_PROXY": "http://evil",
                "HTTP_ACCEPT": "a", "HTTP_ACCEPT": "b",
            ]
        )
        #expect(request.header(.userAgent) == "curl")
        #expect(request.header(try #require(HTTPField.Name("x-a-b"))) == "1")
        #expect(request.header(.contentType) == "text/plain")
        #expect(request.header(.contentLength) == nil)
        #expect(request.header(try #require(HTTPField.Name("Proxy"))) == nil)
        #expect(request.header(.accept) == "a, b")
        #expect(request.header(.referer) == nil)
    }

    @Test(
        "joins the lines of a list, and takes the first line of any other field",
        arguments: [
            ("Accept", true), ("Accept-Encoding", true), ("accept-language", true), ("Cache-Control", true), ("Via", true),
            ("Forwarded", true),
            ("X-Forwarded-For", true), ("If-None-Match", true), ("User-Agent", false), ("Referer", false), ("Range", false),
            ("Authorization", false), ("X-Own", false), ("Content-Type", false),
        ]
    )
    func repeatedFields(_ name: String, _ isList: Bool) throws {
        let parameter = name == "Content-Type" ? "CONTENT_TYPE" : "HTTP_" + name.uppercased().replacing("-", with: "_")
        let request = makeRequest(.get, "/", [parameter: "a;q=1", "HTTP_OTHER": "x", parameter: "b", parameter: ""])
        let field = try #require(HTTPField.Name(name))
        #expect(request.header(field) == (isList ? "a;q=1, b, " : "a;q=1"))
        #expect(request.parameter(parameter) == "a;q=1")
        #expect(makeRequest(.get, "/", [:]).header(field) == nil)
    }

    @Test("finds parameters by the bytes of their names")
    func parameterNames() {
        let request = makeRequest(.get, "/", ["HTTP_\u{212A}EY": "kelvin", "HTTP_\u{C5}": "angstrom"])
        #expect(request.parameters.bytes(of: "HTTP_KEY") == nil)
        #expect(request.parameters.text(of: "HTTP_A\u{30A}") == nil)
        #expect(request.parameters.text(of: "HTTP_\u{C5}") == "angstrom")
    }

    @Test("gives no text for bytes that are none")
    func notText() {
        var parameters = InMemoryParameters()
        parameters.append(name: Array("HTTP_USER_AGENT".utf8), value: [0xFF, 0xFE])
        let request = Request(
            method: .get,
            rawPath: "/",
            parameters: parameters,
            headerFields: { [:] },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        #expect(request.header(.userAgent) == nil)
        #expect(request.parameters.bytes(of: "HTTP_USER_AGENT") == [0xFF, 0xFE])
    }

    @Test("parses the query when asked")
    func query() {
        let request = makeRequest(.get, "/", query: "a=1&b=x%20y+z&a=2&empty&=&%zz=1&c=%00&d=%ff")
        #expect(request.query.first(named: "a") == "1")
        #expect(request.query.all(named: "a") == ["1", "2"])
        #expect(request.query.first(named: "b") == "x y z")
        #expect(request.query.first(named: "empty") == "")
        #expect(request.query.first(named: "c") == nil)
        #expect(request.query.first(named: "d") == nil)
        #expect(!request.query.isComplete)
        #expect(makeRequest(.get, "/", query: "a=1").query.isComplete)
    }
}
