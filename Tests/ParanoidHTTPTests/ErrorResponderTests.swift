import HTTPTypes
import Logging
import Testing

@testable import ParanoidHTTP

@Suite("Error responder")
struct ErrorResponderTests {
    private struct Secret: Error, CustomStringConvertible { let description = "password\r\n\u{1B}[31m=hunter2" }

    private let log = RecordingLogHandler()

    private func respond(_ error: any Error) async -> Response {
        let log = self.log
        return await ErrorResponder().response(for: error, request: makeRequest(logger: Logger(label: "test", factory: { _ in log })))
    }

    @Test("tells the client nothing and the log everything, with control bytes escaped")
    func unknown() async throws {
        let response = await self.respond(Secret())
        #expect(response.status == .internalServerError)
        #expect(try await response.text() == "Internal Server Error\n")
        let entry = try #require(self.log.entries.first)
        #expect(entry.level == .error)
        #expect(entry.metadata["error"] == .string(#"password\x0d\x0a\x1b[31m=hunter2"#))
    }

    @Test("tells the log and the hook which route has failed")
    func route() async throws {
        let router = Router()
        router.get("/users/{id}") { _ -> String in throw Secret() }
        let responder = ErrorResponder { failure, request in Response.text(request.route ?? "-", status: failure.response.status) }
        let log = self.log
        let logger = Logger(label: "test", factory: { _ in log })
        let response = await responder.response(to: makeRequest(.get, "/users/7", logger: logger), of: router.freeze())
        #expect(try await response.text() == "/users/{id}")
        #expect(self.log.entries.first?.metadata["http.route"] == "/users/{id}")
    }

    @Test("answers an HTTP error with its own status and message")
    func known() async throws {
        let response = await self.respond(HTTPError(.conflict, message: "Taken.", cause: Secret()).adding("5", for: .retryAfter))
        #expect(response.status == .conflict)
        #expect(try await response.text() == "Taken.\n")
        #expect(response.header(.retryAfter) == "5")
        #expect(try await self.respond(HTTPError.notFound).text() == "Not Found\n")
    }

    @Test("answers an error that cannot be sent with a plain 500")
    func unsendable() async {
        #expect(await self.respond(HTTPError.conflict.adding("a\r\nb", for: .retryAfter)).status == .internalServerError)
        #expect(await self.respond(HTTPError(HTTPResponse.Status(code: 99))).status == .internalServerError)
    }

    @Test("cuts long details")
    func long() {
        #expect(ErrorResponder.printable(String(repeating: "x", count: 5_000)).utf8.count == 1_024)
    }
}
