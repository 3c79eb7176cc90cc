internal import HTTPTypes

/// Files that nginx sends in the place of the application (`X-Accel-Redirect`), below one internal location.
///
/// The application decides who may have a file, and none of its bytes pass through a worker:
///
/// ```nginx
/// location /protected/ { internal; alias /srv/files/; }
/// ```
public struct AcceleratedFiles: Sendable {
    private let location: String

    /// Creates the set of files below an internal location of nginx.
    ///
    /// - Parameter location: Its path, such as `/protected/`; another text stops the program.
    public init(location: String) {
        precondition(
            location.utf8.first == UInt8(ascii: "/") && location.utf8.last == UInt8(ascii: "/") && RequestPath(location).isValid,
            "an internal location begins and ends with a slash: \(location)"
        )
        self.location = location
    }

    /// A response whose body nginx takes from a file.
    ///
    /// - Parameter path: The path below the location, such as `reports/2026.pdf`.
    /// - Throws: ``HTTPError`` with status 404 for a path that could lead elsewhere: an absolute one, with `.`, `..` or an empty segment, or with control
    ///   bytes.
    public func response(_ path: String) throws -> Response {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isSafe = segments.allSatisfy { segment in
            !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
                && segment.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
        }
        guard isSafe, let name = HTTPField.Name("X-Accel-Redirect") else { throw HTTPError.notFound }
        var escaped: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "/"):
                escaped.append(byte)
            default: PercentEncoding.append(byte, to: &escaped)
            }
        }
        var response = Response()
        try response.setHeader(self.location + String(decoding: escaped, as: UTF8.self), for: name)
        return response
    }
}
