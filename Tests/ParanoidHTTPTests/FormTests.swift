import HTTPTypes
import Testing

@testable import ParanoidHTTP

@Suite("Form")
struct FormTests {
    private enum Colour: String, Decodable { case red, blue }

    private struct Sample: Decodable, Equatable {
        var text: String
        var number: Int
        var small: UInt8?
        var real: Double?
        var flag: Bool?
        var note: String?
        var tags: [String]
        var sizes: [Int]?
        var colour: Colour?
    }

    private struct One<Value: Decodable>: Decodable { var x: Value }

    private func fields(_ text: String) throws -> FormFields { try FormFields(form: Array(text.utf8)) }

    private func decode<Value: Decodable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
        try FormDecoder().decode(One<Value>.self, from: self.fields(text)).x
    }

    @Test(
        "pairs are decoded once, byte by byte",
        arguments: [
            ("a=1&b=2", ["a|1", "b|2"]), ("a=b+c%2Bd", ["a|b c+d"]), ("a", ["a|"]), ("a=&=b&&", ["a|", "|b"]), ("a=%2541", ["a|%41"]),
            ("a=b=c", ["a|b=c"]),
            ("%C3%BC=%C3%BC", ["ü|ü"]), ("a=1;b=2", ["a|1;b=2"]), ("a=x%0D%0Ay", ["a|x\r\ny"]), ("", []), ("&", []),
        ] as [(String, [String])]
    )
    func pairs(_ text: String, _ expected: [String]) throws {
        #expect(try self.fields(text).all.map { "\($0.name)|\($0.value)" } == expected)
    }

    @Test("pairs that are no text are refused", arguments: ["a=%", "a=%1", "a=%zz", "a=%ff", "%00=1", "a=%00", "a=%c0%af", "a=1&b=%g0"])
    func malformed(_ text: String) {
        #expect(throws: FormError(.malformed)) { try self.fields(text) }
    }

    @Test("fields are limited in number")
    func limit() throws {
        let many = Array(repeating: "a=1", count: 1_001).joined(separator: "&")
        #expect(throws: FormError(.tooMany)) { try self.fields(many) }
        #expect(try self.fields(String(many.dropLast(4))).all.count == 1_000)
    }

    @Test("names are compared by their bytes")
    func names() throws {
        let fields = try self.fields("\u{212A}=kelvin&K=letter")
        #expect(fields.first(named: "K") == "letter")
        #expect(fields.all(named: "K") == ["letter"])
    }

    @Test("a type is decoded")
    func decoding() throws {
        let form = "text=a+b&number=-3&small=255&real=1.5e1&flag=on&note=&tags=x&tags=y&sizes[]=1&sizes[]=2&colour=blue&unknown=1"
        let sample = try FormDecoder().decode(Sample.self, from: self.fields(form))
        #expect(
            sample
                == Sample(
                    text: "a b",
                    number: -3,
                    small: 255,
                    real: 15,
                    flag: true,
                    note: "",
                    tags: ["x", "y"],
                    sizes: [1, 2],
                    colour: .blue
                )
        )
    }

    @Test("what is left empty or out is nil for an optional")
    func optionals() throws {
        let sample = try FormDecoder().decode(Sample.self, from: self.fields("text=&number=0&small=&real=&flag=&colour="))
        #expect(sample == Sample(text: "", number: 0, small: nil, real: nil, flag: nil, note: nil, tags: [], sizes: nil, colour: nil))
    }

    @Test("numbers have one spelling", arguments: ["+1", "-0", "01", " 1", "1 ", "", "1.0", "1e1", "0x1", "٣", "9223372036854775808"])
    func badInteger(_ text: String) {
        #expect(throws: FormError.self) { try self.decode(text.hasPrefix("+") ? "x=%2B1" : "x=" + text, as: Int.self) }
    }

    @Test("numbers stay within their types")
    func range() throws {
        #expect(try self.decode("x=-128", as: Int8.self) == -128)
        #expect(throws: FormError.self) { try self.decode("x=128", as: Int8.self) }
        #expect(throws: FormError.self) { try self.decode("x=-1", as: UInt.self) }
        #expect(try self.decode("x=18446744073709551615", as: UInt64.self) == .max)
    }

    @Test("real numbers are decimal and finite", arguments: ["nan", "inf", "0x1p3", "1e999", "", "1,5", "infinity"])
    func badReal(_ text: String) {
        #expect(throws: FormError.self) { try self.decode("x=" + text, as: Double.self) }
    }

    @Test("truth has eight words")
    func truth() throws {
        for word in ["true", "1", "on", "yes"] { #expect(try self.decode("x=\(word)", as: Bool.self)) }
        for word in ["false", "0", "off", "no"] { #expect(try !self.decode("x=\(word)", as: Bool.self)) }
        for word in ["TRUE", "", "2", "y"] { #expect(throws: FormError.self) { try self.decode("x=\(word)", as: Bool.self) } }
    }

    @Test("a field that is missing, repeated or no part of a form is an error with its name")
    func errors() throws {
        #expect(throws: FormError(.missing, field: "x")) { try self.decode("y=1", as: String.self) }
        #expect(throws: FormError(.repeated, field: "x")) { try self.decode("x=1&x=1", as: String.self) }
        #expect(throws: FormError(.unsupported, field: "x")) { try self.decode("x=1", as: One<Int>.self) }
        #expect(throws: FormError(.unsupported, field: "x")) { try self.decode("x=1", as: [[Int]].self) }
        #expect(throws: FormError(.unsupported)) { try FormDecoder().decode([Int].self, from: self.fields("x=1")) }
        let unsuitable = #expect(throws: FormError.self) { try self.decode("x=green", as: Colour.self) }
        #expect(unsuitable?.code == .unsuitable && unsuitable?.field == "x")
    }

    @Test("a dictionary takes all names")
    func dictionary() throws {
        #expect(try FormDecoder().decode([String: String].self, from: self.fields("a=1&b=2")) == ["a": "1", "b": "2"])
    }

    @Test(
        "of a request answers with the right status",
        arguments: [
            ("application/x-www-form-urlencoded", "x=1", 200), ("Application/X-WWW-Form-Urlencoded ; charset=utf-8", "x=1", 200),
            ("multipart/form-data", "x=1", 415), ("", "x=1", 415), ("application/x-www-form-urlencoded", "x=a", 400),
            ("application/x-www-form-urlencoded", "y=1", 400), ("application/x-www-form-urlencoded", "x=%", 400),
            ("application/x-www-form-urlencoded", "x=1&" + String(repeating: "a&", count: 1_000), 413),
            ("application/x-www-form-urlencoded", "x=1&y=" + String(repeating: "a", count: 3_000), 413),
        ]
    )
    func request(_ type: String, _ body: String, _ status: Int) async {
        let request = makeRequest(.post, "/", ["CONTENT_TYPE": type], body: RequestBody(bytes: Array(body.utf8), limit: 2_500))
        do {
            #expect(try await request.decodeForm(One<Int>.self).x == 1)
            #expect(status == 200)
        } catch {
            #expect((error as? HTTPError)?.status.code == status)
        }
    }

    @Test("decoding works for a query too")
    func query() throws {
        #expect(try makeRequest(.get, "/", query: "x=3").decodeQuery(One<Int>.self).x == 3)
        #expect(throws: HTTPError.self) { try makeRequest(.get, "/", query: "x=3&y=%").decodeQuery(One<Int>.self) }
    }
}
