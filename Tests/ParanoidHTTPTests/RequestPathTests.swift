import HTTPTypes
import Testing

@testable import ParanoidHTTP

@Suite("Request path")
struct RequestPathTests {
    @Test(
        "is decoded once",
        arguments: [
            ("/", "/"), ("/a/b", "/a/b"), ("/a%20b", "/a b"), ("/%C3%BC", "/ü"), ("/ü", "/ü"), ("/a%2Fb", "/a/b"), ("/a%252Fb", "/a%2Fb"),
            ("/%2e%2e%2e", "/..."), ("/.a", "/.a"), ("/a.", "/a."), ("/..a", "/..a"), ("//a", "//a"), ("/a;b=c", "/a;b=c"),
            ("/a+b", "/a+b"),
        ]
    )
    func decoding(_ raw: String, _ text: String) {
        let path = RequestPath(raw)
        #expect(path.isValid)
        #expect(path.text == text)
        #expect(path.raw == raw)
    }

    @Test(
        "is refused when it could mean two things",
        arguments: [
            "", "a", "*", "http://h/", "/%", "/%4", "/%zz", "/%+1", "/a%", "/%00", "/a%0d%0ab", "/%7f", "/\r\n", "/a\u{0}", "/a b", "/a?b",
            "/a#b",
            "/%ff", "/%c3%28", "/%c0%ae%c0%ae/x", "/%ed%a0%80", "/.", "/..", "/a/../b", "/a/./b", "/a/..", "/%2e%2e/a", "/.%2E",
            "/a%2f..%2fb", "/..%2fa",
            "/%2e",
        ]
    )
    func refusal(_ raw: String) {
        #expect(!RequestPath(raw).isValid)
        #expect(throws: HTTPError.self) { try makeRequest(.get, raw).validate() }
    }
}
