import Testing

@testable import ParanoidHTTP

@Suite("Numbers as text and bytes")
struct NumberTests {
    @Test(
        "in hexadecimal",
        arguments: [([], ""), ([0], "00"), ([0x0F, 0xF0], "0ff0"), ([0xDE, 0xAD, 0xBE, 0xEF], "deadbeef")] as [([UInt8], String)]
    )
    func hexadecimal(_ bytes: [UInt8], _ text: String) {
        #expect(Hexadecimal.text(bytes) == text)
        #expect(Hexadecimal.bytes(of: text.utf8) == bytes)
        #expect(Hexadecimal.bytes(of: text.uppercased().utf8, allowsCapitals: true) == bytes)
        // Names of sessions are digits: a name in capitals would be a second name of one session.
        if text.uppercased() != text { #expect(Hexadecimal.bytes(of: text.uppercased().utf8) == nil) }
    }

    @Test("of every byte, there and back")
    func everyByte() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(Hexadecimal.bytes(of: Hexadecimal.text(bytes).utf8) == bytes)
        for byte in bytes {
            #expect(byte.hexadecimalValue.map(Int.init) == Int(String(decoding: [byte], as: UTF8.self), radix: 16))
            #expect(byte.decimalValue.map(Int.init) == (0x30...0x39 ~= byte ? Int(byte) - 0x30 : nil))
        }
    }

    @Test("in hexadecimal are refused with anything else", arguments: ["0", "0g", "0x", "+1", " 1", "1 ", "٠٠", "000"])
    func badHexadecimal(_ text: String) {
        #expect(Hexadecimal.bytes(of: text.utf8) == nil)
    }

    @Test(
        "in hexadecimal have a width and no sign",
        arguments: [
            (0, 1, "0"), (255, 1, "ff"), (255, 4, "00ff"), (.max, 1, "ffffffffffffffff"), (0, 16, "0000000000000000"),
            (0x0123_4567_89AB_CDEF, 16, "0123456789abcdef"),
        ]
            as [(UInt64, Int, String)]
    )
    func hexadecimalNumbers(_ number: UInt64, _ width: Int, _ text: String) {
        #expect(Hexadecimal.text(number, width: width) == text)
        #expect(Hexadecimal.number(text.utf8) == number)
        let word = Hexadecimal.digits(UInt32(truncatingIfNeeded: number))
        let digits = (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        #expect(String(decoding: digits, as: UTF8.self) == Hexadecimal.text(number & 0xFFFF_FFFF, width: 8))
        #expect(Hexadecimal.number("".utf8) == nil)
        #expect(Hexadecimal.number("+1".utf8) == nil)
        #expect(Hexadecimal.number("00000000000000000".utf8) == nil)
    }

    @Test(
        "in decimal are digits alone",
        arguments: [
            ("0", 0), ("007", 7), ("999999999999999999", 999_999_999_999_999_999), ("", nil), ("+1", nil), ("-1", nil), (" 1", nil),
            ("1.0", nil), ("1e3", nil), ("9999999999999999999", nil), ("٥", nil),
        ] as [(String, Int?)]
    )
    func decimal(_ text: String, _ number: Int?) {
        #expect(Decimal.number(text.utf8) == number)
        #expect(unsafe Decimal.number(text.utf8.span.bytes) == number)
    }

    @Test("in decimal can be padded", arguments: [(0, 3, "000"), (7, 2, "07"), (404, 3, "404"), (1994, 4, "1994")])
    func padded(_ number: Int, _ width: Int, _ text: String) {
        var bytes: [UInt8] = []
        Decimal.append(number, width: width, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test("in decimal have as many digits as they need", arguments: [0, 9, 10, 99, 100, 1_234_567_890, .max])
    func unpadded(_ number: Int) {
        var bytes: [UInt8] = [0x20]
        Decimal.append(number, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == " \(number)")
    }

    @Test("in big-endian order, there and back", arguments: [0, 1, 0x0102_0304_0506_0708, .max] as [UInt64])
    func bigEndian(_ number: UInt64) {
        let bytes = BigEndian.bytes(number)
        #expect(bytes.count == 8)
        #expect(BigEndian.number(bytes[...]) == number)
        #expect(BigEndian.bytes(number, width: 2) == Array(bytes.suffix(2)))
    }
}

@Suite("Percent escapes")
struct PercentEncodingTests {
    @Test(
        "are decoded or refused",
        arguments: [
            ("", ""), ("a+b", "a+b"), ("%41%6a", "Aj"), ("%2F", "/"), ("%25%32%35", "%25"), ("%", nil), ("%4", nil), ("%4g", nil),
            ("a%", nil),
        ] as [(String, String?)]
    )
    func decode(_ text: String, _ decoded: String?) {
        #expect(PercentEncoding.decode(text.utf8.span) == decoded.map { Array($0.utf8) })
    }

    @Test("leave a plus sign or make it a space")
    func plus() {
        #expect(PercentEncoding.decode("a+%2B".utf8.span, plus: .space) == Array("a +".utf8))
    }

    @Test("are written in upper case")
    func append() {
        var text: [UInt8] = []
        for byte in [0x2F, 0xFE] as [UInt8] { PercentEncoding.append(byte, to: &text) }
        #expect(text == Array("%2F%FE".utf8))
    }
}
