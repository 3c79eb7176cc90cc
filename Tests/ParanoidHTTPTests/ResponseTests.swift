import HTTPTypes
import Testing

@testable import ParanoidHTTP

@Suite("Response")
struct ResponseTests {
    @Test("has a length beside its own fields")
    func head() throws {
        #expect(Response.text("hello\n").lines() == ["Content-Type: text/plain; charset=utf-8", "Content-Length: 6"])
        #expect(Response.html("").lines() == ["Content-Type: text/html; charset=utf-8", "Content-Length: 0"])
        #expect(try Response.json([1]).lines() == ["Content-Type: application/json", "Content-Length: 3"])
        #expect(Response.empty().lines().isEmpty)
        #expect(Response(body: .stream { _ in }).lines().isEmpty)
        #expect(Response(body: .stream(length: 7) { _ in }).lines() == ["Content-Length: 7"])
    }

    @Test("writes JSON with its keys in order")
    func json() async throws {
        #expect(try await Response.json(["b": "/", "a": "\r\n"]).text() == #"{"a":"\r\n","b":"/"}"#)
    }

    @Test(
        "refuses control bytes in every form of line break",
        arguments: ["a\r\nX: y", "a\rb", "a\nb", "\n\r", "\u{0}", "a\u{7F}", "\u{1B}"]
    )
    func controlBytes(_ value: String) {
        var response = Response()
        #expect(throws: ResponseError(.invalidField, field: "x-accel-buffering")) {
            try response.setHeader(value, for: HTTPField.Name("X-Accel-Buffering") ?? .allow)
        }
        #expect(throws: ResponseError(.invalidField, field: "allow")) { try response.addHeader(value, for: .allow) }
        #expect(response.headerFields.isEmpty)
    }

    @Test(
        "refuses an entity tag that no condition could meet",
        arguments: ["v1", "\"v1", "v1\"", "\"", "", "w/\"v1\"", "\"a b\"", "\"a\"b\""]
    )
    func entityTags(_ value: String) throws {
        var response = Response()
        #expect(throws: ResponseError(.invalidEntityTag, field: "etag")) { try response.setHeader(value, for: .eTag) }
        #expect(throws: ResponseError(.invalidEntityTag, field: "etag")) { try response.addHeader(value, for: .eTag) }
        for valid in ["\"v1\"", "W/\"v1\"", "\"\""] { try response.setHeader(valid, for: .eTag) }
    }

    @Test(
        "refuses fields that belong to the server",
        arguments: ["Set-Cookie", "Status", "Content-Length", "Transfer-Encoding", "CONNECTION", "status"]
    )
    func reserved(_ name: String) throws {
        let name = try #require(HTTPField.Name(name))
        var response = Response()
        #expect(throws: ResponseError(.reservedField, field: name.canonicalName)) { try response.setHeader("x", for: name) }
        #expect(throws: ResponseError(.reservedField, field: name.canonicalName)) { try response.addHeader("x", for: name) }
    }

    @Test("sets, adds and removes fields")
    func fields() throws {
        var response = Response()
        try response.setHeader("a", for: .vary)
        try response.addHeader("b", for: .vary)
        #expect(response.headerFields[values: .vary] == ["a", "b"])
        try response.setHeader("c", for: .vary)
        #expect(response.headerFields[values: .vary] == ["c"])
        #expect(response.header(.vary) == "c")
        response.removeHeader(.vary)
        #expect(response.headerFields.isEmpty)
    }

    @Test("sends one cookie per name, the last one")
    func cookies() throws {
        var response = Response()
        response.setCookie(try SetCookie(name: "a", value: "1"))
        response.setCookie(try SetCookie(name: "b", value: "2"))
        response.setCookie(try SetCookie(name: "A", value: "3"))
        response.setCookie(try SetCookie(name: "a", value: "4", path: "/x"))
        #expect(response.cookies.map { $0.value } == ["2", "3", "4"])
        #expect(response.lines().filter { $0.hasPrefix("Set-Cookie: a=") }.count == 1)
        response.removeCookie(named: "a")
        #expect(response.cookies.map { $0.name } == ["b", "A"])
    }

    @Test("redirects with a 303 by default")
    func redirect() throws {
        let response = Response.redirect(to: "/a?b=%20")
        try response.validate()
        #expect(response.status.code == 303)
        #expect(response.header(.location) == "/a?b=%20")
    }

    @Test(
        "is refused when its redirection is no address",
        arguments: ["", "/a\r\nSet-Cookie: x=y", "/a b", "/ü", "/\u{0}", "/a\n", "/a\t"]
    )
    func badRedirect(_ location: String) {
        let response = Response.redirect(to: location)
        #expect(throws: ResponseError(.invalidLocation, field: "Location")) { try response.validate() }
        #expect(response.header(.location) == nil)
    }

    @Test("is refused with a status that ends no request", arguments: [0, 100, 101, 199, 600, 999])
    func badStatus(_ code: Int) {
        #expect(throws: ResponseError(.invalidStatus)) { try Response(status: HTTPResponse.Status(code: code)).validate() }
    }

    @Test("has no body where none may be", arguments: [204, 304])
    func noBody(_ code: Int) throws {
        let status = HTTPResponse.Status(code: code)
        #expect(throws: ResponseError(.bodyNotAllowed)) { try Response.text("x", status: status).validate() }
        try Response(status: status).validate()
    }

    @Test("keeps the length when the body is left out")
    func omitted() async throws {
        var response = Response.text("hello\n")
        response.omitBody()
        response.omitBody()
        #expect(response.lines().last == "Content-Length: 6")
        #expect(try await response.text().isEmpty)
        #expect(response.body.isEmpty)
    }

    @Test("that streams keeps its word about its length")
    func streamLength() async throws {
        func stream(_ length: Int?, _ chunks: [String]) -> Response {
            Response(body: .stream(length: length) { writer in for chunk in chunks { try await writer.write(chunk) } })
        }
        #expect(try await stream(4, ["ab", "cd"]).text() == "abcd")
        #expect(try await stream(nil, ["ab", "cd"]).text() == "abcd")
        await #expect(throws: ResponseError(.lengthMismatch)) { try await stream(3, ["ab", "cd"]).text() }
        await #expect(throws: ResponseError(.lengthMismatch)) { try await stream(5, ["ab", "cd"]).text() }
    }
}
