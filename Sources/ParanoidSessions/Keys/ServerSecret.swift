/// One of the server's secrets: 256 random bits and a number.
public struct ServerSecret: Sendable, Hashable {
    /// The number by which identifiers refer to this secret.
    public let number: UInt8
    let secret: SecretBytes

    /// Draws a fresh secret.
    public init(number: UInt8, using generator: inout some RandomNumberGenerator) {
        self.number = number
        self.secret = SecretBytes(count: 32, using: &generator)
    }

    init?(line: ArraySlice<UInt8>) {
        guard let blank = line.firstIndex(of: UInt8(ascii: " ")), blank - line.startIndex <= 3, blank > line.startIndex else { return nil }
        var number = 0
        for digit in line[..<blank] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        let digits = line[(blank + 1)...]
        guard let number = UInt8(exactly: number), digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for digit in digits {
            guard let value = Self.value(ofHexadecimal: digit) else { return nil }
            bytes.append(value)
        }
        self.number = number
        self.secret = SecretBytes(stride(from: 0, to: 64, by: 2).map { bytes[$0] << 4 | bytes[$0 + 1] })
    }

    /// The line of a secret file that holds this secret, line feed included.
    ///
    /// It goes into that file and nowhere else.
    public var fileLine: [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let text = self.secret.bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return Array("\(self.number) ".utf8) + text + [UInt8(ascii: "\n")]
    }

    private static func value(ofHexadecimal digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension ServerSecret: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "ServerSecret(\(self.number), redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
}
