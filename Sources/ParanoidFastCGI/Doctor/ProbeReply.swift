internal import HTTPTypes
internal import ParanoidHTTP

/// What the application tells a probe of the doctor: the parameters that came with it, as far as they concern the web server.
package struct ProbeReply: Sendable, Hashable {
    /// The header field with the token.
    static let tokenField = "X-Paranoid-Probe"
    /// The header field with the length of the response head that the doctor wants.
    static let headField = "X-Paranoid-Head"
    /// A header field that nginx has to leave out.
    static let underscoreField = "X_Paranoid_Underscore"
    private static let firstLine = "paranoid probe 1"
    private static let tokenParameter = "HTTP_X_PARANOID_PROBE"
    private static let headParameter = "HTTP_X_PARANOID_HEAD"
    /// A longer head is not made.
    private static let longestHead = 32_768
    private static let told: Set<String> = [
        "REQUEST_METHOD", "REQUEST_URI", "HTTPS", "REMOTE_ADDR", "CONTENT_LENGTH", "REQUEST_BEGAN", "REQUEST_TAKEN", "REQUEST_ID",
        "HTTP_X_PARANOID_UNDERSCORE",
    ]

    /// Those parameters that the doctor looks at.
    package var parameters: [String: String] = [:]
    /// Parameters that came twice.
    package var doubled: Set<String> = []
    private var token: [UInt8] = []
    private var head = 0

    package init() {}

    /// Reads the parameters of a request.
    init(_ parameters: some RequestParameters) {
        var seen: Set<String> = []
        parameters.forEach { name, value in
            let name = String(decoding: name.bytes, as: UTF8.self)
            if !seen.insert(name).inserted { self.doubled.insert(name) }
            if name == Self.tokenParameter { self.token = value.bytes }
            if name == Self.headParameter { self.head = Int(String(decoding: value.bytes, as: UTF8.self)) ?? 0 }
            if Self.told.contains(name) { self.parameters[name] = String(decoding: value.bytes.prefix(512), as: UTF8.self) }
        }
    }

    /// Reads what an application has told; `nil` for the response of something else.
    package init?(body: String) {
        var lines = body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        guard lines.popFirst() == Self.firstLine else { return nil }
        for line in lines {
            guard let mark = line.firstIndex(of: "=") else { continue }
            let (name, value) = (String(line[..<mark]), String(line[line.index(after: mark)...]))
            if name == "twice" { self.doubled.insert(value) } else { self.parameters[name] = value }
        }
    }

    /// The response to a request that shows the token of an open window; `nil`: it is a request like any other.
    static func response(to parameters: some RequestParameters, _ window: ProbeWindow) -> Response? {
        guard window.isOpen() else { return nil }
        let reply = ProbeReply(parameters)
        guard window.take(reply.token) else { return nil }
        return reply.response
    }

    private var response: Response {
        let values = self.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.printable($0.value))" }
        let lines = [Self.firstLine] + values + self.doubled.sorted().map { "twice=\(Self.printable($0))" }
        var response = Response.text(lines.joined(separator: "\n") + "\n")
        try? response.setHeader("no-store", for: .cacheControl)
        // Cookies are what makes heads long.
        var left = min(self.head, Self.longestHead)
        while left > 0, let name = HTTPField.Name("X-Padding") {
            let count = min(left, 1000)
            try? response.addHeader(String(repeating: "x", count: count), for: name)
            left -= count
        }
        return response
    }

    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

extension RawSpan {
    fileprivate var bytes: [UInt8] { (0..<self.byteCount).map { unsafe self.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }
}
