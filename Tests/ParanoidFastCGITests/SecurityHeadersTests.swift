import ParanoidFastCGITesting
import ParanoidHTTP
import Testing

@testable import ParanoidFastCGI

@Suite("Header fields of every response")
struct SecurityHeadersTests {
    private struct Failure: Error {}

    @Test(
        "are on pages, errors and pages that do not exist, and say HTTPS over HTTPS only",
        arguments: [("/ok", 200), ("/error", 500), ("/none", 404)]
    )
    func everywhere(_ path: String, _ status: Int) async throws {
        let directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: directory.path)
        let policy = try #require(HTTPField.Name("Content-Security-Policy"))
        configuration.securityHeaders = try .recommended.setting("default-src 'self'", for: policy)
        let app = try Application(configuration: configuration, logger: .silent)
        app.get("/ok") { _ in
            var response = Response.text("ok")
            try response.setHeader("default-src 'none'", for: policy)
            return response
        }
        app.get("/error") { _ -> String in throw Failure() }
        for isSecure in [true, false] {
            let parameters = isSecure ? [("HTTPS", "on")] : []
            let response = try await app.respond(to: InProcessRequest(path: path, parameters: parameters))
            #expect(response.status.code == status)
            #expect(response.header(.xContentTypeOptions) == "nosniff")
            #expect(response.header(try #require(HTTPField.Name("X-Frame-Options"))) == "DENY")
            #expect(response.header(policy) == (status == 200 ? "default-src 'none'" : "default-src 'self'"))
            #expect((response.header(.strictTransportSecurity) != nil) == isSecure)
        }
    }

    @Test("are there once on the wire, also where a response has a field that many share")
    func once() throws {
        let block = SecurityBlock(.recommended, isSecure: true)
        var response = Response.text("x")
        response.keepFromCaches(setsCookie: true)
        #expect(!block.isPartlyIn(response))
        try response.setHeader("max-age=1", for: .strictTransportSecurity)
        #expect(block.isPartlyIn(response))
        for name in [HTTPField.Name.contentType, .cacheControl, .vary] {
            let block = SecurityBlock(try SecurityHeaders.recommended.setting("x", for: name), isSecure: false)
            #expect(!block.isPartlyIn(Response()))
            var response = Response.text("x")
            response.keepFromCaches(setsCookie: true)
            #expect(block.isPartlyIn(response))
        }
    }

    @Test("can be taken away, and take no control bytes")
    func changes() throws {
        var response = Response.text("x")
        SecurityHeaders.recommended.removing(.xContentTypeOptions).apply(to: &response, isSecure: true)
        #expect(response.header(.xContentTypeOptions) == nil)
        #expect(throws: ResponseError.self) { try SecurityHeaders().setting("a\r\nb", for: .xContentTypeOptions) }
    }
}
