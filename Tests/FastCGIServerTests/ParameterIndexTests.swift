import Testing

@testable import FastCGIServer

@Suite("The index of parameters")
struct ParameterIndexTests {
    private func encoded(_ pairs: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in pairs {
            for length in [name.utf8.count, value.utf8.count] {
                if length < 128 {
                    bytes.append(UInt8(length))
                } else {
                    bytes += [0x80 | UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
                }
            }
            bytes += Array(name.utf8) + Array(value.utf8)
        }
        return bytes
    }

    private func value(of name: String, in bytes: [UInt8], _ index: borrowing ParameterIndex) -> String? {
        let range = unsafe bytes.withUnsafeBytes { bytes in
            unsafe Array(name.utf8).withUnsafeBytes { unsafe index.value(of: $0, in: bytes) }
        }
        return range.map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    @Test("finds what a walk over all pairs finds, the first of two, short names, long values and names that end alike")
    func walk() {
        var generator = SystemRandomNumberGenerator()
        for count in [0, 1, 5, 63, 64, 65, 150] {
            let names = (0..<count).map { number in
                let end = ["", "A", "TYPE", "_TYPE", "X_TYPE"][number % 5]
                return String(repeating: "N", count: Int.random(in: 0...3, using: &generator)) + end
            }
            let pairs = names.enumerated().map { ($1, String(repeating: "v", count: $0 % 7 == 0 ? 200 : 3) + "\($0)") }
            let bytes = self.encoded(pairs)
            var index = ParameterIndex()
            // What a longer head has left behind is not found.
            let before = self.encoded((0..<100).map { ("OLD\($0)", "old") })
            unsafe before.withUnsafeBytes { unsafe index.build(over: $0) }
            unsafe bytes.withUnsafeBytes { unsafe index.build(over: $0) }
            for name in Set(names + ["", "OLD1", "OLD99", "ABSENT", "T"]) {
                #expect(self.value(of: name, in: bytes, index) == pairs.first { $0.0 == name }?.1, "\(name) of \(count)")
            }
        }
    }
}
