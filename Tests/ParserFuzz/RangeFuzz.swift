import ParanoidHTTP

/// `Range` fields that are generated, and read as what they were made from, and damaged ones.
enum RangeFuzz {
    private static let pieces: [[UInt8]] = [
        "bytes", "=", "-", ",", " ", "\t", "0", "9", "18446744073709551616", "\0", "\u{FC}", "+", "x", ";",
    ].map {
        Array($0.utf8)
    }

    /// What is wrong with one seed's fields; `nil`: nothing.
    ///
    /// - Parameter corpus: Fields that are damaged in the place of a generated one, in half of the runs.
    static func run(_ seed: UInt64, corpus: [Corpus.Entry]) -> String? {
        var random = SeededGenerator(seed: seed)
        if seed.isMultiple(of: 2), let entry = corpus.randomElement(using: &random), let length = Int(entry.setting) {
            return Self.check(Self.damaged(entry.bytes, &random), length: length)
        }
        let length = Int.random(in: 0...30, using: &random)
        var texts: [String] = []
        var expected: [Range<Int>] = []
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let first = Int.random(in: 0...35, using: &random)
            let last = first + Int.random(in: 0...10, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                texts.append("\(first)-")
                if first < length { expected.append(first..<length) }
            case 1:
                texts.append("-\(first)")
                if first > 0, length > 0 { expected.append(max(0, length - first)..<length) }
            default:
                texts.append("\(first)-\(last)")
                if first < length { expected.append(first..<min(length, last + 1)) }
            }
        }
        let separator = [",", ", ", " , ", ",,"].randomElement(using: &random)!
        let field = Array("bytes=\(texts.joined(separator: separator))".utf8)
        let total = expected.reduce(0) { $0 + $1.count }
        let wanted: ByteRanges = total > length ? .whole : expected.isEmpty ? .unsatisfiable : .some(expected)
        let read = ByteRanges(field, length: length)
        if read != wanted { return "\(String(decoding: field, as: UTF8.self)) of \(length) is \(read) and not \(wanted)" }

        return Self.check(Self.damaged(field, &random), length: length)
    }

    /// What is wrong with the reading of a field that can be anything; `nil`: nothing.
    static func check(_ field: [UInt8], length: Int) -> String? {
        guard case .some(let ranges) = ByteRanges(field, length: length) else { return nil }
        let isWithin = ranges.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= length }
        let isBounded = !ranges.isEmpty && ranges.count <= ByteRanges.maximumCount && ranges.reduce(0) { $0 + $1.count } <= length
        return isWithin && isBounded ? nil : "\(String(decoding: field, as: UTF8.self)) of \(length) is \(ranges)"
    }

    /// Some bytes of it changed, added or gone.
    static func damaged(_ field: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var field = field.isEmpty ? [0x2D] : field
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let index = Int.random(in: 0..<field.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: field[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: field.insert(contentsOf: Self.pieces.randomElement(using: &random)!, at: index)
            default: if field.count > 1 { field.remove(at: index) }
            }
        }
        return field
    }

    /// What a field is read as, in one line of a corpus.
    static func outcome(of field: [UInt8], length: Int) -> String {
        switch ByteRanges(field, length: length) {
        case .whole: "whole"
        case .unsatisfiable: "unsatisfiable"
        case .some(let ranges): ranges.map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ",")
        }
    }

    /// What tells one way through the reader from another one: the field without its figures, and what it is read as.
    static func signature(of field: [UInt8], length: Int) -> String {
        let shape = field.reduce(into: "") { shape, byte in
            let kind = Corpus.kind(of: byte)
            if !shape.hasSuffix(kind) { shape += kind }
        }
        switch ByteRanges(field, length: length) {
        case .whole: return "whole \(shape.suffix(6))"
        case .unsatisfiable: return "unsatisfiable \(shape.suffix(6))"
        case .some(let ranges): return "\(ranges.count) \(shape.suffix(6)) \(ranges.last?.upperBound == length)"
        }
    }
}
