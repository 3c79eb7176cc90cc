internal import HTTPTypes
package import Logging

/// The one place where errors become responses; a response tells the client nothing that the error does not mean for it.
package struct ErrorResponder: Sendable {
    private static let maximumDetailLength = 1024

    /// Creates a responder.
    package init() {}

    /// The response of a handler, or the response to the error that it has thrown.
    package func response(to request: Request, of handler: any HTTPHandler) async -> Response {
        do {
            let response = try await handler.handle(request)
            try response.validate()
            return response
        } catch {
            return self.response(for: error, request: request)
        }
    }

    /// The response to parameters that are not a request.
    package func response(for error: MetaVariableError, logger: Logger) -> Response {
        logger.notice("request refused", metadata: ["error": "\(error)"])
        return Response.text("Bad Request\n", status: .badRequest)
    }

    /// The response to a request whose handler has thrown.
    ///
    /// An ``HTTPError`` is the response itself, and so is an error of the application that is ``ResponseConvertible``. Any other error is a plain
    /// 500, and its description goes to the request's log with control bytes escaped.
    package func response(for error: any Error, request: Request) -> Response {
        let known = (error as? any HTTPErrorConvertible)?.httpError
        do {
            guard let response = try known?.makeResponse() ?? (error as? any ResponseConvertible)?.makeResponse() else { throw error }
            try response.validate()
            if response.status.code >= 500 || known?.cause != nil {
                self.log(known?.cause ?? error, request, at: response.status.code >= 500 ? .error : .debug)
            }
            return response
        } catch {
            self.log(error, request, at: .error)
            return Self.internalServerError
        }
    }

    /// The response to an error that the client need not understand.
    package static let internalServerError = Response.text("Internal Server Error\n", status: .internalServerError)

    private func log(_ error: any Error, _ request: Request, at level: Logger.Level) {
        request.logger.log(
            level: level,
            "the handler has failed",
            metadata: [
                "error.type": "\(String(reflecting: type(of: error)))",
                "error": "\(Self.printable(String(describing: error)))",
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
