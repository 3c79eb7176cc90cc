import HTTPTypes
import Testing

@testable import ParanoidHTTP

@Suite("Cookies of a request")
struct CookiesTests {
    private func parse(_ text: String) -> Cookies { self.parse(Array(text.utf8)) }

    private func parse(_ bytes: [UInt8]) -> Cookies { unsafe Cookies(parsing: bytes.span.bytes) }

    private func list(_ cookies: Cookies) -> [String] {
        cookies.all.map { String(decoding: $0.name, as: UTF8.self) + "|" + String(decoding: $0.value, as: UTF8.self) }
    }

    @Test(
        "are cut at semicolons and trimmed of SP and HTAB alone",
        arguments: [
            ("", []), ("a=1", ["a|1"]), ("a=1; b=2", ["a|1", "b|2"]), ("a=1;b=2", ["a|1", "b|2"]), (" a\t= 1\t;; ; b=2;", ["a|1", "b|2"]),
            ("a=b=c", ["a|b=c"]), ("a=", ["a|"]), ("a=\"x\"", ["a|\"x\""]), ("a=1, b=2", ["a|1, b=2"]), ("a=1; a=2", ["a|1", "a|2"]),
            ("\u{A0}a=1", ["\u{A0}a|1"]), ("a=1\u{2003}", ["a|1\u{2003}"]), ("a=%41", ["a|%41"]), ("\"a\"=1", ["\"a\"|1"]),
        ] as [(String, [String])]
    )
    func pieces(_ text: String, _ expected: [String]) {
        let found = self.list(self.parse(text))
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { $0.utf8.elementsEqual($1.utf8) })
    }

    @Test("without a name or an equals sign are nothing", arguments: ["=1", " =1", "a", ";", "=", "=__Host-id=1", "\t=x; y"])
    func nameless(_ text: String) {
        #expect(self.parse(text).isEmpty)
    }

    @Test(
        "with a control byte are nothing, those beside them are something",
        arguments: ["a=\u{0}", "a\u{1}=1", "a=1\r\n", "a=\u{7F}", "a=x\ry"]
    )
    func controlBytes(_ text: String) {
        #expect(self.list(self.parse("x=1;" + text + "; b=2")) == ["x|1", "b|2"])
    }

    @Test("are cut at the same bytes wherever these stand: eight of them are looked at together")
    func places() {
        for length in 1...33 {
            let value = String(repeating: "v", count: length)
            for place in 0...length {
                let (before, after) = (value.prefix(place), value.dropFirst(place))
                #expect(self.list(self.parse("n=\(before);\(after)")) == ["n|\(before)"])
                #expect(self.list(self.parse("\(value)=\(before)=\(after); b=2")) == ["\(value)|\(before)=\(after)", "b|2"])
                for control in ["\u{0}", "\n", "\u{1F}", "\u{7F}"] {
                    #expect(self.list(self.parse("x=1;n=\(before)\(control)\(after);b=2")) == ["x|1", "b|2"])
                }
                for letter in ["\t", "\u{E9}", "<", ":", "~"] {
                    #expect(self.list(self.parse("n=.\(before)\(letter)\(after).")) == ["n|.\(before)\(letter)\(after)."])
                }
            }
        }
    }

    @Test(
        "are known by the exact bytes of their names",
        arguments: [
            "__host-id=1", "__%48ost-id=1", "\u{A0}__Host-id=1", "\u{2000}__Host-id=1", "$Version=1,__Host-id=1", "=__Host-id=1",
            "\"__Host-id\"=1",
            "__Host-id\u{301}=1", "$Version=\"1\"", "__Host\u{2010}id=1", "__Host-id\u{0}=1",
        ]
    )
    func exactNames(_ text: String) {
        let cookies = self.parse(text)
        #expect(cookies["__Host-id"] == nil)
        #expect(cookies.all("__Host-id").isEmpty)
        #expect(!cookies.contains("__Host-id"))
    }

    @Test("are not mixed up with equal strings of other bytes")
    func kelvin() {
        let cookies = self.parse("\u{212A}=kelvin; K=letter; \u{C5}=one; A\u{30A}=two")
        #expect(cookies["K"] == "letter")
        #expect(cookies["\u{212A}"] == "kelvin")
        #expect(cookies["\u{C5}"] == "one")
        #expect(cookies["A\u{30A}"] == "two")
    }

    @Test("are cut at a semicolon that a combining mark follows, and not at a Greek question mark")
    func combiningMark() {
        #expect(self.parse("a=1;\u{301}b=2").count == 2)
        #expect(self.parse("a=1\u{37E}b=2").count == 1)
        #expect(self.parse("a=\u{301}1").count == 1)
    }

    @Test("of one name are all there, in their order")
    func duplicates() {
        let cookies = self.parse("id=bad; x=1; id=good; id=")
        #expect(cookies["id"] == "bad")
        #expect(cookies.all("id") == [Array("bad".utf8), Array("good".utf8), []])
    }

    @Test("keep bytes that are not UTF-8 apart")
    func bytes() {
        let cookies = self.parse(Array("a=".utf8) + [0xFF] + Array("; a=".utf8) + [0xFE])
        #expect(cookies.all("a") == [[0xFF], [0xFE]])
        #expect(cookies["a"] == nil)
    }

    @Test("over a limit are none at all")
    func limits() {
        let many = Array(repeating: "a=1", count: 201).joined(separator: ";")
        #expect(self.parse(many).isEmpty)
        #expect(self.parse(many).isRefused)
        #expect(self.parse(String(many.dropLast(4))).count == 200)
        let long = self.parse("a=" + String(repeating: "x", count: 16_383))
        #expect(long.isEmpty && long.isRefused)
        #expect(self.parse("a=" + String(repeating: "x", count: 16_382)).count == 1)
    }

    @Test("do not show their values when they are printed")
    func redaction() {
        let cookies = self.parse("id=secret")
        #expect(!"\(cookies)".contains("secret"))
        #expect(!"\(cookies.all[0])".contains("secret"))
    }

    @Test("come from the parameter of a request")
    func request() {
        let request = makeRequest(.get, "/", ["HTTP_COOKIE": "a=1; b=2"])
        #expect(request.cookie("b") == "2")
        #expect(makeRequest().cookies.isEmpty)
    }

    @Test("are parsed alike however the bytes are cut")
    func invariants() {
        var state: UInt64 = 7
        let alphabet = Array("ab=;; \t\"\u{301}".utf8) + [0x00, 0xFF]
        for _ in 0..<3_000 {
            var bytes: [UInt8] = []
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1
                bytes.append(alphabet[Int(state >> 40) % alphabet.count])
            }
            let whole = self.parse(bytes).all.map { [$0.name, $0.value] }
            let pieces = bytes.split(separator: 0x3B).flatMap { piece in self.parse(Array(piece)).all.map { [$0.name, $0.value] } }
            #expect(whole == pieces)
        }
    }
}
