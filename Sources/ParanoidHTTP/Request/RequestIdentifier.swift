package import HTTPTypes
package import Logging

extension Request {
    /// The identifier of the request, the same in every line of its log and in its session's events.
    ///
    /// It is the field `X-Request-ID` of a proxy that `PARANOID_TRUSTED_PROXIES` names, else the parameter `REQUEST_ID` of the web server, else 32
    /// random hexadecimal digits. One that is not 8 to 64 letters, digits, dots, hyphens and underscores counts as absent.
    public var id: String { self.head.identifier }

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
    static func find(in parameters: any RequestParameters, trustsHeader: Bool) -> String {
        if trustsHeader, let identifier = parameters.text(of: "HTTP_X_REQUEST_ID"), Self.isWellFormed(identifier) { return identifier }
        if let identifier = parameters.text(of: "REQUEST_ID"), Self.isWellFormed(identifier) { return identifier }
        return Hexadecimal.text(.random(in: .min ... .max), width: 16) + Hexadecimal.text(.random(in: .min ... .max), width: 16)
    }

    /// Whether a text can stand in a log line and in a header field, and is no novel.
    static func isWellFormed(_ text: String) -> Bool {
        8...64 ~= text.utf8.count
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
