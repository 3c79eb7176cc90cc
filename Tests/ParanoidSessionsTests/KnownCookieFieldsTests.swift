import Testing

@testable import ParanoidSessions

@Suite("Cookie fields that are known")
struct KnownCookieFieldsTests {
    private func values(_ text: String) -> SessionCookies.Values {
        var values = SessionCookies.Values()
        values.presentsIdentifier = true
        values.nonces.add(Nonce(cookieValue: text.utf8))
        return values
    }

    private let nonce = "AgICAgICAgICAgICAgICAgICAgICAgIC"

    @Test("are found by all of their bytes, whatever their length is")
    func sameBytes() {
        for count in 0...70 {
            let fields = KnownCookieFields(seed: 1)
            let field = (0..<count).map { UInt8($0) }
            #expect(unsafe fields.entry(of: field.span.bytes) == nil)
            unsafe fields.remember(self.values(self.nonce), in: field.span.bytes)
            let found = unsafe fields.entry(of: field.span.bytes)?.values
            #expect(found?.nonces.single == Nonce(cookieValue: self.nonce.utf8) && found?.presentsIdentifier == true)
            for index in field.indices {
                var other = field
                other[index] ^= 0x20
                #expect(unsafe fields.entry(of: other.span.bytes) == nil)
            }
            let (longer, shorter) = (field + [0], Array(field.dropLast()))
            #expect(unsafe fields.entry(of: longer.span.bytes) == nil)
            if count > 0 { #expect(unsafe fields.entry(of: shorter.span.bytes) == nil) }
        }
    }

    @Test("that share a place push each other out, and none is taken for another")
    func places() {
        let fields = KnownCookieFields(seed: 2)
        let all = (0..<5000).map { Array("field \($0)".utf8) }
        for field in all { unsafe fields.remember(self.values(String(decoding: field, as: UTF8.self)), in: field.span.bytes) }
        let kept = all.filter { field in unsafe fields.entry(of: field.span.bytes) != nil }
        #expect((1...1024).contains(kept.count))
        // The last one has pushed out whatever was in its place.
        #expect(kept.last == all.last)
    }

    @Test("are not kept when they are long")
    func length() {
        let fields = KnownCookieFields(seed: 3)
        for (count, isKept) in [(KnownCookieFields.longestField, true), (KnownCookieFields.longestField + 1, false)] {
            let field = [UInt8](repeating: 0x61, count: count)
            unsafe fields.remember(self.values(self.nonce), in: field.span.bytes)
            #expect(unsafe (fields.entry(of: field.span.bytes) != nil) == isKept)
        }
    }

    @Test("have the same bytes as another piece of memory only where each of them is the same")
    func comparison() {
        for count in 0...33 {
            let bytes = (0..<count).map { UInt8($0) }
            let same = unsafe bytes.withUnsafeBytes { bytes in unsafe Array(bytes).withUnsafeBytes { unsafe bytes.hasSameBytes(as: $0) } }
            #expect(same)
            for index in bytes.indices {
                var other = bytes
                other[index] ^= 0x80
                let isSame = unsafe bytes.withUnsafeBytes { bytes in unsafe other.withUnsafeBytes { unsafe bytes.hasSameBytes(as: $0) } }
                #expect(!isSame)
            }
        }
    }
}
