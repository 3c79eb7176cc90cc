import HTTPTypes
import Logging
import Testing

@testable import ParanoidHTTP

@Suite("Forms of errors")
struct ErrorFormTests {
    private struct Failing: Error {}

    private struct Entry: Decodable {
        enum Color: String, Decodable, CaseIterable { case red, blue }
        struct Item: Decodable { var price: Double }
        var name: String
        var age: UInt8
        var color: Color?
        var items: [Item]?
    }

    private func failure(_ error: any Error, accept: String? = nil, hook: ErrorHook? = nil) async -> Response {
        let parameters: KeyValuePairs<String, String> = accept.map { ["HTTP_ACCEPT": $0] } ?? [:]
        return await ErrorResponder(hook: hook).response(for: error, request: makeRequest(.get, "/", parameters))
    }

    @Test(
        "follow Accept: the highest weight, of equal ones the first, and wildcards ask for none",
        arguments: [
            (nil, "text/plain; charset=utf-8"), ("*/*", "text/plain; charset=utf-8"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
            ("application/json", "application/problem+json"), ("APPLICATION/VND.X+JSON", "application/problem+json"),
            ("text/html;q=0.5, application/json", "application/problem+json"),
            ("text/html;q=0.501, application/json;q=0.5", "text/html; charset=utf-8"),
            ("application/json, text/html", "application/problem+json"),
            ("text/html;q=0, application/json;q=0.001", "application/problem+json"),
            ("text/html;q=0", "text/plain; charset=utf-8"), ("image/png", "text/plain; charset=utf-8"),
        ] as [(String?, String)]
    )
    func negotiated(_ accept: String?, _ type: String) async throws {
        let response = await self.failure(HTTPError.notFound, accept: accept)
        #expect(response.header(.contentType) == type)
        #expect(response.header(.vary) == "Accept")
        #expect(response.status == .notFound)
    }

    @Test("escape what a page would take for markup")
    func escaped() async throws {
        let text = try await self.failure(HTTPError(.conflict, message: "<a href='x'>&\""), accept: "text/html").text()
        #expect(text.contains("<p>&lt;a href=&#39;x&#39;&gt;&amp;&quot;</p>"))
        #expect(text.contains("<title>409 Conflict</title>"))
    }

    @Test("are problem details with all fields that are not valid")
    func problems() async throws {
        var validation = Validation()
        validation.check(true, "name", "cannot be empty")
        validation.check(false, "age", "cannot be negative")
        validation.check(false, "mail", "has no @")
        let error = try #require(throws: HTTPError.self) { try validation.finish() }
        let response = await self.failure(error, accept: "application/json")
        #expect(response.status.code == 422)
        #expect(
            try await response.text()
                == #"{"detail":"Some fields are not valid.","errors":[{"field":"age","message":"cannot be negative"},{"field":"mail","message":"has no @"}],"status":422,"title":"Unprocessable Content"}"#
        )
        #expect(try await self.failure(error).text() == "Some fields are not valid.\nage: cannot be negative\nmail: has no @\n")
    }

    @Test("say nothing of an error that says nothing of clients", arguments: ["text/html", "application/json", "*/*"])
    func unknown(_ accept: String) async throws {
        let response = await self.failure(Failing(), accept: accept)
        #expect(response.status == .internalServerError)
        #expect(try await !response.text().contains("Failing"))
    }

    @Test("are what the hook makes of them, with the header fields of the error")
    func hook() async throws {
        let error = HTTPError(.methodNotAllowed).adding("GET", for: .allow)
        let response = await self.failure(error) { failure, _ in
            .html("<h1>\(failure.status.code) \(failure.message)</h1>", status: failure.status)
        }
        #expect(try await response.text() == "<h1>405 Method Not Allowed</h1>")
        #expect(response.header(.allow) == "GET")
        #expect(response.header(.contentType) == "text/html; charset=utf-8")
        let redirected = await self.failure(error) { _, _ in .redirect(to: "/login") }
        #expect(redirected.status == .seeOther)
        #expect(redirected.header(.allow) == nil)
    }

    @Test("are the usual ones when the hook fails or makes a response that cannot be sent")
    func failingHook() async throws {
        #expect(await self.failure(HTTPError.notFound) { _, _ in throw Failing() }.status == .notFound)
        #expect(await self.failure(HTTPError.notFound) { _, _ in .redirect(to: "a\r\nb") }.status == .notFound)
    }

    @Test("have no body for HEAD and keep its length")
    func head() async {
        let response = await ErrorResponder().response(for: HTTPError.notFound, request: makeRequest(.head))
        #expect(response.body.isEmpty)
        #expect(response.body.length == 10)
    }

    @Test(
        "name the field of a form and what was expected, and never the value",
        arguments: [
            ("age=7", "name", "is missing"), ("name=a&name=b&age=7", "name", "is there more than once"),
            ("name=a&age=secret", "age", "a whole number from 0 to 255 is expected"),
            ("name=a&age=256", "age", "a whole number from 0 to 255 is expected"),
            ("name=a&age=1&color=secret", "color", "one of red, blue is expected"),
        ]
    )
    func form(_ body: String, _ field: String, _ message: String) async throws {
        let request = makeRequest(
            .post,
            "/",
            ["CONTENT_TYPE": "application/x-www-form-urlencoded"],
            body: RequestBody(bytes: Array(body.utf8))
        )
        let error = try await #require(throws: HTTPError.self) { try await request.decodeForm(Entry.self) }
        #expect(error.problems == [FieldProblem(field: field, message: message)])
        #expect(try await !error.makeResponse().text().contains("secret"))
        let query = makeRequest(.get, "/", query: body)
        #expect(try #require(throws: HTTPError.self) { try query.decodeQuery(Entry.self) }.problems == error.problems)
    }

    @Test(
        "name the way to the value in JSON and what was expected",
        arguments: [
            (#"{"age":7}"#, "name", "is missing"), (#"{"name":1,"age":7}"#, "name", "a text is expected"),
            (#"{"name":"a","age":"secret"}"#, "age", "a whole number from 0 to 255 is expected"),
            (#"{"name":null,"age":7}"#, "name", "a text is expected, not null"),
            (#"{"name":"a","age":7,"items":[{"price":1},{"price":"secret"}]}"#, "items[1].price", "a number is expected"),
            (#"{"name":"a","age":7,"items":{}}"#, "items", "an array is expected"), ("[]", "the document", "an object is expected"),
        ]
    )
    func json(_ body: String, _ field: String, _ message: String) async throws {
        let request = makeRequest(.post, "/", ["CONTENT_TYPE": "application/json"], body: RequestBody(bytes: Array(body.utf8)))
        let error = try await #require(throws: HTTPError.self) { try await request.decodeJSON(Entry.self) }
        #expect(error.problems == [FieldProblem(field: field, message: message)])
    }
}
