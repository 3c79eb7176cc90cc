internal import HTTPTypes
internal import Logging

/// Turns errors of handlers into responses that give nothing away.
package struct ErrorResponder: Sendable {
    private static let maximumDetailLength = 1024

    /// Creates a responder.
    package init() {}

    /// The answer to a request whose handler has thrown.
    ///
    /// An error that is ``ResponseConvertible``, such as ``HTTPError``, says itself what the client sees. Anything else is a plain 500; what it
    /// was goes to the request's log, with control bytes escaped.
    package func response(for error: any Error, request: Request) -> Response {
        if let convertible = error as? any ResponseConvertible {
            do {
                let response = try convertible.makeResponse()
                try response.validate()
                if response.status.code >= 500 || (error as? HTTPError)?.cause != nil {
                    self.log((error as? HTTPError)?.cause ?? error, request, at: response.status.code >= 500 ? .error : .debug)
                }
                return response
            } catch {
                self.log(error, request, at: .error)
                return Self.internalServerError
            }
        }
        self.log(error, request, at: .error)
        return Self.internalServerError
    }

    /// The answer that tells nothing.
    package static let internalServerError = Response.text("Internal Server Error\n", status: .internalServerError)

    private func log(_ error: any Error, _ request: Request, at level: Logger.Level) {
        request.logger.log(
            level: level,
            "the handler has failed",
            metadata: [
                "error.type": "\(String(reflecting: type(of: error)))",
                "error.detail": "\(Self.printable(String(describing: error)))",
                "http.method": "\(request.method.rawValue)",
                "http.route": "\(request.route ?? "-")",
            ]
        )
    }

    /// The text with control and non-ASCII bytes escaped, cut to a length that no log chokes on.
    static func printable(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8.prefix(Self.maximumDetailLength) {
            if 0x20...0x7E ~= byte {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "\\"), UInt8(ascii: "x"), Hexadecimal.digit(byte >> 4), Hexadecimal.digit(byte & 0x0F)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
