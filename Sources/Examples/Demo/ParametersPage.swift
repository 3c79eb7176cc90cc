import ParanoidFastCGI

/// `GET /params`: all parameters that the web server sent with the request.
enum ParametersPage {
    static func register(on routes: some RouterMethods) {
        routes.get("/params") { request in
            var parameters: [String: String] = [:]
            request.parameters.forEach { name, value in
                parameters[Self.text(of: name)] = Self.text(of: value)
            }
            // The session cookies are kept from scripts (HttpOnly); a page that echoes them would hand them over.
            if parameters["HTTP_COOKIE"] != nil {
                parameters["HTTP_COOKIE"] = request.cookies.map { "\(String(decoding: $0.name, as: UTF8.self))=…" }.joined(separator: "; ")
            }
            return try Response.json(parameters)
        }
    }

    private static func text(of bytes: RawSpan) -> String {
        unsafe bytes.withUnsafeBytes { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
    }
}
