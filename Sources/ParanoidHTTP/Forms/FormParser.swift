/// Splits `application/x-www-form-urlencoded` bytes into decoded pairs.
enum FormParser {
    /// One name and its value, decoded.
    struct Pair: Sendable, Equatable {
        let name: [UInt8]
        let value: [UInt8]
    }

    /// What the parser found.
    struct Outcome: Sendable {
        /// The pairs that are valid, in their order.
        var pairs: [Pair] = []
        /// Whether a pair was left out because of an escape that is none.
        var hasMalformedPairs = false
        /// Whether there were more pairs than allowed; the rest was not looked at.
        var hasTooManyPairs = false
    }

    /// Parses bytes; a plus sign is a space, empty pieces between ampersands are nothing.
    static func parse(_ bytes: Span<UInt8>, maximumPairs: Int) -> Outcome {
        var outcome = Outcome()
        var start = 0
        while start < bytes.count {
            var end = start
            var equals = -1
            while end < bytes.count, bytes[end] != 0x26 {
                if equals < 0, bytes[end] == 0x3D { equals = end }
                end &+= 1
            }
            if end > start {
                guard outcome.pairs.count < maximumPairs else {
                    outcome.hasTooManyPairs = true
                    return outcome
                }
                let nameEnd = equals < 0 ? end : equals
                let valueStart = equals < 0 ? end : equals &+ 1
                if let name = PercentEncoding.decode(bytes.extracting(start..<nameEnd), plus: .space),
                    let value = PercentEncoding.decode(bytes.extracting(valueStart..<end), plus: .space)
                {
                    outcome.pairs.append(Pair(name: name, value: value))
                } else {
                    outcome.hasMalformedPairs = true
                }
            }
            start = end &+ 1
        }
        return outcome
    }
}
