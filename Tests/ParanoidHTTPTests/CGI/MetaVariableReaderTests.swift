import Testing

@testable import ParanoidHTTP

@Suite("Meta-variables")
struct MetaVariableReaderTests {
    @Test("of an ordinary request become its parts")
    func ordinary() throws {
        let variables = try read(
            [
                "QUERY_STRING": "a=1&b=2", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "12", "SCRIPT_NAME": "/p q", "HTTPS": "on",
                "REMOTE_ADDR": "192.0.2.7", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_ACCEPT": "*/*",
            ],
            method: "POST",
            uri: "/p%20q?a=1&b=2"
        )
        #expect(variables.method == "POST")
        #expect(variables.rawPath == "/p%20q")
        #expect(variables.rawQuery == "a=1&b=2")
        #expect(variables.isSecure)
        #expect(variables.contentLength == 12)
        #expect(variables.contentType == "text/plain")
        #expect(variables.remoteAddress == "192.0.2.7")
        #expect(variables.serverProtocol == "HTTP/1.1")
    }

    @Test("that are empty mean nothing")
    func empty() throws {
        let variables = try read(["CONTENT_LENGTH": "", "CONTENT_TYPE": "", "HTTPS": "", "QUERY_STRING": ""])
        #expect(variables.contentLength == nil)
        #expect(variables.contentType == nil)
        #expect(!variables.isSecure)
        #expect(variables.rawQuery.isEmpty)
    }

    @Test(
        "read the digits of a length and nothing else",
        arguments: [
            ("0", 0), ("5", 5), ("0005", 5), ("999999999999999999", 999_999_999_999_999_999),
        ]
    )
    func length(_ text: String, _ length: Int) throws {
        #expect(try read(["CONTENT_LENGTH": text]).contentLength == length)
    }

    @Test(
        "refuse a length that is not digits",
        arguments: ["+5", "-0", "-2", "-1 ", " 5", "5 ", "5,5", "0x5", "٥", "5.0", "1e3", "9999999999999999999", "18446744073709551621"]
    )
    func badLength(_ text: String) {
        #expect(code(["CONTENT_LENGTH": text]) == .malformed)
    }

    @Test("refuse two lengths that differ and take two that agree")
    func conflictingLengths() throws {
        #expect(code(["CONTENT_LENGTH": "5", "HTTP_CONTENT_LENGTH": "6"]) == .conflict)
        #expect(code(["HTTP_CONTENT_LENGTH": "6", "CONTENT_LENGTH": "5"]) == .conflict)
        #expect(try read(["CONTENT_LENGTH": "5", "HTTP_CONTENT_LENGTH": "5"]).contentLength == 5)
        #expect(code(["CONTENT_LENGTH": "0", "HTTP_CONTENT_LENGTH": "5"]) == .conflict)
        #expect(code(["CONTENT_LENGTH": "5", "HTTP_CONTENT_LENGTH": "+5"]) == .malformed)
        #expect(code(["HTTP_CONTENT_LENGTH": "-1"]) == .malformed)
    }

    @Test("have the length that the client's own field says where the web server says none", arguments: [nil, "", "-1"] as [String?])
    func lengthOfTheClient(_ own: String?) throws {
        let given = own.map { ["CONTENT_LENGTH": $0, "HTTP_CONTENT_LENGTH": "5"] as KeyValuePairs } ?? ["HTTP_CONTENT_LENGTH": "5"]
        #expect(try read(given).contentLength == 5)
    }

    @Test("have no length where the web server says -1, as Caddy does for a body without one")
    func unknownLength() throws {
        #expect(try read(["CONTENT_LENGTH": "-1"]).contentLength == nil)
        #expect(code(["CONTENT_LENGTH": "-1", "CONTENT_LENGTH": "5"]) == .duplicate)
    }

    /// Two values that differ, both of the parameter's form.
    private func values(_ name: MetaVariableName) -> (String, String) {
        switch name {
        case .requestURI, .scriptName, .pathInfo: ("/a", "/b")
        case .https: ("on", "off")
        default: ("1", "2")
        }
    }

    private func pairs(_ name: MetaVariableName, _ values: [String]) -> [(String, [UInt8])] {
        let base = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/")].filter { $0.0 != name.text }
        return (base + values.map { (name.text, $0) }).map { ($0.0, Array($0.1.utf8)) }
    }

    @Test("that are equal may come twice", arguments: MetaVariableName.allCases)
    func equalDuplicates(_ name: MetaVariableName) throws {
        let value = self.values(name).0
        #expect(try read(self.pairs(name, [value, value])) == read(self.pairs(name, [value])))
    }

    @Test("that decide who asks for what are refused when two values differ, and named", arguments: MetaVariableName.allCases)
    func duplicates(_ name: MetaVariableName) throws {
        let (one, other) = self.values(name)
        guard case .refused = name.repetition else {
            #expect(try read(self.pairs(name, [one, other])) == read(self.pairs(name, [one])))
            return
        }
        for values in [[one, other], [other, one], [one, one, other]] {
            let error = #expect(throws: MetaVariableError.self) { try read(self.pairs(name, values)) }
            #expect(error == MetaVariableError(.duplicate, name))
            #expect(error?.description == "duplicate parameter (\(name.text))")
        }
    }

    @Test(
        "that must never be ambiguous are refused when two values differ",
        arguments: ["REMOTE_ADDR", "HTTPS", "REQUEST_METHOD", "REQUEST_URI", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_COOKIE"]
    )
    func deciding(_ text: String) throws {
        let name = try #require(MetaVariableName.allCases.first { $0.text == text })
        guard case .refused = name.repetition else {
            Issue.record("\(text) may not repeat")
            return
        }
    }

    @Test(
        "that are spelt with other bytes differ, whatever the characters look like",
        arguments: [("REQUEST_URI", "/\u{E9}", "/e\u{301}"), ("HTTP_HOST", "\u{E9}", "e\u{301}"), ("CONTENT_LENGTH", "", "5")]
    )
    func bytewise(_ name: String, _ one: String, _ other: String) {
        let base = name == "REQUEST_URI" ? nil : "/"
        #expect(code([name: one, name: other] as KeyValuePairs, uri: base) == .duplicate)
    }

    @Test("that are lists are joined, whichever line they came in")
    func joined() {
        let parameters = InMemoryParameters([
            "HTTP_X_FORWARDED_FOR": "6.6.6.6", "HTTP_HOST": "h", "HTTP_X_FORWARDED_FOR": "203.0.113.7, 10.0.0.9",
        ])
        #expect(parameters.joinedBytes(of: "HTTP_X_FORWARDED_FOR") == Array("6.6.6.6, 203.0.113.7, 10.0.0.9".utf8))
        #expect(parameters.joinedBytes(of: "HTTP_HOST") == Array("h".utf8))
        #expect(parameters.joinedBytes(of: "HTTP_FORWARDED") == nil)
    }

    @Test(
        "that decide nothing never refuse a request",
        arguments: [
            ("SERVER_SIGNATURE", "<address>Apache/2.4 (Debian) Server at localhost Port 80</address>\n"),
            ("SERVER_SOFTWARE", "Apache/2.4\r\n"), ("SERVER_ADMIN", "[no address given]"), ("CONTEXT_PREFIX", ""),
            ("SCRIPT_FILENAME", "proxy:fcgi://localhost/a\u{1}"), ("DOCUMENT_ROOT", "/srv/\u{7F}"), ("PATH", "\u{1B}[31m"),
            ("SSL_SERVER_CERT", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"), ("unique.id", "1"),
            ("PS1", "\\u@\\h:\t$ "), ("LS_COLORS", String(repeating: "x", count: 20_000)), ("X", "\u{0}"),
        ]
    )
    func decidesNothing(_ name: String, _ value: String) throws {
        #expect(try read([name: value]) == read([:]))
        #expect(try read([name: value, name: value + "2"] as KeyValuePairs) == read([:]))
    }

    @Test(
        "that are known but decide nothing never refuse a request",
        arguments: ["SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_PORT", "REQUEST_SCHEME"],
        ["a\n", "\u{0}", "ü", String(repeating: "x", count: 2000)]
    )
    func knownButDecidesNothing(_ name: String, _ value: String) throws {
        #expect(try read([name: value]) == read([:]))
    }

    @Test("of a path decide nothing beside REQUEST_URI, wherever they stand", arguments: ["SCRIPT_NAME", "PATH_INFO"])
    func pathBesideURI(_ name: String) throws {
        let values: [[UInt8]] = [[0x2F, 0x0A], [0x2F, 0xFF], [UInt8](repeating: 0x2F, count: 20_000), [0x61]]
        for value in values {
            let base = [("REQUEST_METHOD", Array("GET".utf8)), ("REQUEST_URI", Array("/a%0A".utf8))]
            for place in 0...base.count {
                var pairs = base
                pairs.insert((name, value), at: place)
                #expect(try read(pairs).rawPath == "/a%0A")
            }
            // Without it they decide, an empty one in front or not.
            for uri in [[], [("REQUEST_URI", [])]] as [[(String, [UInt8])]] {
                #expect(throws: MetaVariableError.self) { try read(uri + [("REQUEST_METHOD", Array("GET".utf8)), (name, value)]) }
                let path = try read(uri + [("REQUEST_METHOD", Array("GET".utf8)), (name, Array("/b".utf8))]).rawPath
                #expect(path == "/b")
            }
        }
    }

    @Test("that decide nothing may repeat, as older web servers hand repeated fields on")
    func repeated() throws {
        #expect(code(["HTTP_ACCEPT": "a", "HTTP_ACCEPT": "b"]) == nil)
    }

    @Test("are recognised by all their bytes", arguments: MetaVariableName.allCases)
    func recognition(_ name: MetaVariableName) {
        let bytes = Array(name.text.utf8)
        #expect(unsafe MetaVariableName(bytes.span.bytes) == name)
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 0x20
            #expect(unsafe MetaVariableName(other.span.bytes) == nil)
        }
        let longer = bytes + [0x58]
        #expect(unsafe MetaVariableName(longer.span.bytes) == nil)
        #expect(name.isHeaderField == name.text.hasPrefix("HTTP_"))
    }

    @Test("refuse every control byte at every place", arguments: Array(0x00...0x1F) + [0x7F] as [UInt8])
    func controlBytes(_ control: UInt8) {
        for length in [1, 7, 8, 9, 31] {
            for place in 0..<length {
                var value = [UInt8](repeating: 0x61, count: length)
                value[place] = control
                for name in ["HTTP_X", "REMOTE_ADDR", "HTTP_HOST", "REMOTE_USER", "QUERY_STRING"]
                where !(control == 0x09 && name.hasPrefix("HTTP_")) {
                    let pairs = [("REQUEST_METHOD", Array("GET".utf8)), ("REQUEST_URI", Array("/".utf8)), (name, value)]
                    #expect(throws: MetaVariableError.self) { try read(pairs) }
                }
            }
        }
    }

    @Test("let every other byte through in a header field", arguments: Array(0x20...0xFF) as [UInt8])
    func otherBytes(_ byte: UInt8) throws {
        guard byte != 0x7F else { return }
        let value = [UInt8](repeating: byte, count: 17)
        _ = try read([("REQUEST_METHOD", Array("GET".utf8)), ("REQUEST_URI", Array("/".utf8)), ("HTTP_X", value)])
    }

    @Test("refuse line breaks in all their forms", arguments: ["a\r\nX", "a\nX", "a\rX", "a\n\rX", "\r\n", "a\u{0}"])
    func lineBreaks(_ value: String) {
        #expect(code(["HTTP_X": value]) == .controlByte)
        #expect(code(["HTTP_COOKIE": value]) == .controlByte)
        #expect(code([:], uri: "/" + value) == .controlByte)
        #expect(code(["QUERY_STRING": value]) == .controlByte)
    }

    @Test("let a tab through in header fields alone")
    func tab() {
        #expect(code(["HTTP_X": "a\tb"]) == nil)
        #expect(code(["REMOTE_USER": "a\tb"]) == .controlByte)
    }

    @Test(
        "have names of printable ASCII",
        arguments: ["", "A B", "A=B", "HTTP_\u{212A}", "A\u{0}", "A\r\nB", String(repeating: "A", count: 257)]
    )
    func badNames(_ name: String) {
        #expect(code([name: "x"]) == .invalidName)
    }

    @Test("want a method that is a token", arguments: ["", "GE T", "GET\u{212A}", "G(T", String(repeating: "A", count: 33)])
    func badMethod(_ method: String) {
        #expect(code([:], method: method) != nil)
    }

    @Test("want a method and a path")
    func missing() {
        #expect(throws: MetaVariableError(.missing, .requestMethod)) { try read([("REQUEST_URI", Array("/".utf8))]) }
        #expect(throws: MetaVariableError(.missing, .requestURI)) { try read([("REQUEST_METHOD", Array("GET".utf8))]) }
    }

    @Test("refuse a target that is none", arguments: ["*", "a", "http://host/", "/a#b", "/a b", "?a=1", "//host#/"])
    func badTarget(_ uri: String) {
        #expect(code([:], uri: uri) == .malformed)
    }

    @Test("refuse a target or type that is not text")
    func notText() {
        for name in ["REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME"] {
            let error = #expect(throws: MetaVariableError.self) {
                try read([("REQUEST_METHOD", Array("GET".utf8)), (name, [0x2F, 0xC3, 0x28])])
            }
            #expect(error?.code == .malformed)
        }
        #expect(code(["CONTENT_TYPE": "tëxt/plain"]) == .malformed)
        #expect(code(["REMOTE_ADDR": "1.2.3.4\u{A0}"]) == .malformed)
    }

    @Test(
        "cut the target at its first question mark",
        arguments: [
            ("/a?b=c?d", "/a", "b=c?d"), ("/a?", "/a", ""), ("/?x", "/", "x"), ("/a%3Fb", "/a%3Fb", ""), ("/ü", "/ü", ""),
        ]
    )
    func target(_ uri: String, _ path: String, _ query: String) throws {
        let variables = try read([:], uri: uri)
        #expect(variables.rawPath == path)
        #expect(variables.rawQuery == query)
    }

    @Test("believe QUERY_STRING before the target, as the web server may have rewritten it")
    func rewrittenQuery() throws {
        #expect(try read(["QUERY_STRING": "a=2"], uri: "/x?a=1").rawQuery == "a=2")
    }

    @Test(
        "without REQUEST_URI give the decoded names encoded again",
        arguments: [
            ("/cgi", "/a b", "/cgi/a%20b"), ("/100%", "", "/100%25"), ("/a?b", "/#", "/a%3Fb/%23"), ("/ü", "", "/%C3%BC"), ("", "/x", "/x"),
        ]
    )
    func withoutURI(_ script: String, _ info: String, _ path: String) throws {
        #expect(try read(["SCRIPT_NAME": script, "PATH_INFO": info], uri: nil).rawPath == path)
    }

    @Test("have limits")
    func limits() {
        #expect(code([:], uri: "/" + String(repeating: "a", count: 16_384)) == .tooLong)
        #expect(code(["HTTP_COOKIE": String(repeating: "a", count: 16_385)]) == .tooLong)
        #expect(code(["HTTP_COOKIE": String(repeating: "a", count: 16_384)]) == nil)
        #expect(code(["REMOTE_ADDR": String(repeating: "1", count: 1025)]) == .tooLong)
    }

    @Test(
        "say secure for the two agreed words only",
        arguments: [
            ("on", true), ("1", true), ("off", false), ("", false), ("ON", false), ("https", false), ("0", false), ("on ", false),
        ]
    )
    func secure(_ value: String, _ isSecure: Bool) throws {
        #expect(try read(["HTTPS": value]).isSecure == isSecure)
    }

    @Test("are not believed when a client header says secure")
    func spoofedSecure() throws {
        #expect(try !read(["HTTP_HTTPS": "on", "HTTP_X_FORWARDED_PROTO": "https", "https": "on"]).isSecure)
    }

    @Test("make errors that do not repeat what a client sent")
    func redaction() {
        let error = #expect(throws: MetaVariableError.self) { try read(["CONTENT_LENGTH": "secret"]) }
        #expect(error?.description == "malformed value (CONTENT_LENGTH)")
    }

    @Test("survive random bytes")
    func randomBytes() {
        var state: UInt64 = 42
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let names = MetaVariableName.allCases.map { $0.text } + ["HTTP_X", "", "HTTP_"]
        for _ in 0..<5_000 {
            var pairs: [(String, [UInt8])] = []
            for _ in 0..<(next() % 8) {
                let value = (0..<(next() % 20)).map { _ in next() % 4 == 0 ? UInt8(truncatingIfNeeded: next()) : UInt8(0x2F + next() % 16) }
                pairs.append((names[Int(next()) % names.count], value))
            }
            if let variables = try? read(pairs) {
                #expect(variables.rawPath.utf8.first == UInt8(ascii: "/"))
            }
        }
    }
}

@Suite("Bytes, eight at a time")
struct WordTests {
    @Test("are judged like bytes one at a time", arguments: [1, 7, 8, 9, 15, 16, 17])
    func agreement(_ length: Int) {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<length {
                for filler in [0x21, 0x7E] as [UInt8] {
                    var bytes = [UInt8](repeating: filler, count: length)
                    bytes[place] = byte
                    let span = unsafe bytes.span.bytes
                    let isControl = span.containsControl()
                    let isForeign = span.containsNonASCII()
                    let isNoName = span.containsNonNameByte()
                    guard isControl == (byte < 0x20 || byte == 0x7F), isForeign == (byte >= 0x80),
                        isNoName == (byte <= 0x20 || byte >= 0x7F || byte == 0x3D)
                    else {
                        Issue.record("byte \(byte) at \(place) of \(length)")
                        return
                    }
                }
            }
        }
    }
}
