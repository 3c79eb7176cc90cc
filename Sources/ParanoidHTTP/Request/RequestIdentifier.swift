package import HTTPTypes
package import Logging
internal import Synchronization

extension Request {
    /// The identifier of the request, the same in every line of its log and in its session's events.
    ///
    /// It is the field `X-Request-ID` of a proxy that `PARANOID_TRUSTED_PROXIES` names, else the parameter `REQUEST_ID` of the web server, else 32
    /// hexadecimal digits that no other request has. One that is not 8 to 64 letters, digits, dots, hyphens and underscores counts as absent.
    public var id: String { self.head.identifier }

    /// Lends the bytes of ``id`` without making a text of it.
    package func lendIdentifier(to body: (RawSpan) -> Void) { self.head.lendIdentifier(to: body) }

    /// Whether a line of this level would be written; costs less than ``logger``.
    package func logs(_ level: Logger.Level) -> Bool { (self.attachedLogger ?? self.head.logger).logLevel <= level }

    /// The name of the request for those who keep it longer.
    package var tag: RequestTag { RequestTag(head: self.head) }

    /// Adds a header field to the response if it becomes one to an error: those are made outside of all middleware.
    package func addErrorHeader(_ value: String, for name: HTTPField.Name) {
        self.head.errorFields.append((name, value))
    }
}

/// A request's identifier, which is made when it is asked for.
package struct RequestTag: Sendable, Hashable, CustomStringConvertible {
    fileprivate let head: RequestHead

    /// The identifier.
    package var description: String { self.head.identifier }

    package static func == (lhs: RequestTag, rhs: RequestTag) -> Bool { lhs.head === rhs.head }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self.head)) }
}

/// Finds the identifier of a request, or makes one.
enum RequestIdentifier {
    /// 16 bytes in place of an identifier that the web server did not send.
    struct Minted: Sendable, Hashable {
        fileprivate let process: UInt64
        fileprivate let request: UInt64

        /// Lends the 32 digits.
        func lend(to body: (RawSpan) -> Void) {
            let digits: [4 of UInt64] = [
                Hexadecimal.digits(UInt32(truncatingIfNeeded: self.process >> 32)).littleEndian,
                Hexadecimal.digits(UInt32(truncatingIfNeeded: self.process)).littleEndian,
                Hexadecimal.digits(UInt32(truncatingIfNeeded: self.request >> 32)).littleEndian,
                Hexadecimal.digits(UInt32(truncatingIfNeeded: self.request)).littleEndian,
            ]
            unsafe body(digits.span.bytes)
        }

        /// The 32 digits.
        var text: String { Hexadecimal.text(self.process, width: 16) + Hexadecimal.text(self.request, width: 16) }
    }

    private static let process = UInt64.random(in: .min ... .max)
    private static let first = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// Makes an identifier without a call of the system: a number of this process, and one that no other request of it has.
    static func mint() -> Minted {
        // The steps and the two mixes of splitmix64 are one to one, so no number comes twice.
        var number = Self.first &+ Self.count.add(1, ordering: .relaxed).oldValue &* 0x9E37_79B9_7F4A_7C15
        number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
        return Minted(process: Self.process, request: number ^ number >> 31)
    }

    /// Lends the identifier that the web server or a proxy has sent; `nil`: there is none that can be used.
    static func lend(from parameters: any RequestParameters, trustsHeader: Bool, to body: (RawSpan?) -> Void) {
        if trustsHeader {
            var isFound = false
            parameters.lend("HTTP_X_REQUEST_ID") { value in
                guard let value, Self.isWellFormed(value) else { return }
                isFound = true
                body(value)
            }
            if isFound { return }
        }
        parameters.lend("REQUEST_ID") { value in
            guard let value, Self.isWellFormed(value) else { return body(nil) }
            body(value)
        }
    }

    /// Whether a text can stand in a log line and in a header field, and is no novel.
    static func isWellFormed(_ text: RawSpan) -> Bool {
        guard 8...64 ~= text.byteCount else { return false }
        for offset in 0..<text.byteCount {
            switch text.byte(at: offset) {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                break
            default: return false
            }
        }
        return true
    }
}
