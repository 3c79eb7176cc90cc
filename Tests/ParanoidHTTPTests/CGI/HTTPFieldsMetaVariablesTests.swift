import HTTPTypes
import Testing

@testable import ParanoidHTTP

@Suite("Header fields from meta-variables")
struct HTTPFieldsMetaVariablesTests {
    private func fields(_ pairs: KeyValuePairs<String, String>) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in pairs {
            let (name, value) = (Array(name.utf8), Array(value.utf8))
            unsafe fields.append(parameter: name.span.bytes, value: value.span.bytes)
        }
        return fields
    }

    @Test("get their usual names")
    func names() {
        let fields = self.fields([
            "HTTP_X_FORWARDED_FOR": "1.2.3.4", "HTTP_ACCEPT": "*/*", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "3", "HTTP_HOST": "h",
            "HTTP_COOKIE": "a=b",
        ])
        #expect(fields.map { $0.name.rawName } == ["X-Forwarded-For", "Accept", "Content-Type", "Content-Length", "Host", "Cookie"])
        #expect(fields[.contentType] == "text/plain")
    }

    @Test("are not made of what is no header field")
    func others() {
        let fields = self.fields([
            "REMOTE_ADDR": "1.2.3.4", "CONTENT_TYPE": "", "CONTENT_LENGTH": "", "HTTP_": "x", "HTTP_CONTENT_LENGTH": "3",
            "HTTP_CONTENT_TYPE": "x", "HTTP_(": "x", "HTTPS": "on",
        ])
        #expect(fields.isEmpty)
    }

    @Test("never hold a proxy that the request chose")
    func proxy() {
        #expect(self.fields(["HTTP_PROXY": "http://evil"]).isEmpty)
        #expect(self.fields(["HTTP_PROXY_AUTHORIZATION": "x"]).count == 1)
    }

    @Test("are dropped rather than cleaned up")
    func controlBytes() {
        #expect(self.fields(["HTTP_X": "a\r\nb"]).isEmpty)
    }

    @Test("make a request together with the variables")
    func request() throws {
        let variables = try read(["HTTPS": "on", "QUERY_STRING": "q=1"], uri: "/a%20b")
        let request = HTTPRequest(variables, authority: "example.org", fields: [.accept: "*/*"])
        #expect(request.method == .get)
        #expect(request.scheme == "https")
        #expect(request.path == "/a%20b?q=1")
        #expect(request.authority == "example.org")
    }
}
