/// A request to the status socket as far as it has come; pure.
///
/// A GET request of HTTP/1.1 or 1.0 without a body (RFC 9112), of which only the target and `Accept` matter.
enum StatusRequest: Sendable, Hashable {
    /// More bytes are needed.
    case incomplete
    /// It asks for a page.
    case page(path: String, Accepted)
    /// It gets this status and nothing else.
    case refused(Int)

    /// What the client takes, as far as it matters here.
    struct Accepted: OptionSet, Sendable, Hashable {
        let rawValue: UInt8
        static let html = Self(rawValue: 1)
        static let json = Self(rawValue: 2)
        static let openMetrics = Self(rawValue: 4)

        init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Reads the values of `Accept`, in small letters.
        init(_ field: String) {
            self = []
            for (form, type) in [(Self.html, "text/html"), (.json, "application/json"), (.openMetrics, "application/openmetrics-text")]
            where field.contains(type) { self.insert(form) }
        }
    }

    /// A longer head is refused.
    static let longestHead = 8192

    /// Reads what has come.
    init(_ bytes: [UInt8]) {
        guard let end = Self.end(of: bytes) else {
            self = bytes.count > Self.longestHead ? .refused(431) : .incomplete
            return
        }
        guard end <= Self.longestHead else {
            self = .refused(431)
            return
        }
        guard bytes[..<end].allSatisfy({ 0x20...0x7E ~= $0 || $0 == 13 || $0 == 10 || $0 == 9 || $0 >= 0x80 }) else {
            self = .refused(400)
            return
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = lines.first?.split(separator: " ", omittingEmptySubsequences: false) ?? []
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0", words[1].utf8.first == UInt8(ascii: "/") else {
            self = .refused(400)
            return
        }
        guard words[0] == "GET" else {
            self = .refused(words[0].utf8.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 } ? 405 : 400)
            return
        }
        let accept = lines.dropFirst().filter { $0.lowercased().hasPrefix("accept:") }.joined(separator: ",").lowercased()
        self = .page(path: String(words[1].prefix { $0 != "?" }), Accepted(accept))
    }

    /// Where the head ends: behind an empty line.
    private static func end(of bytes: [UInt8]) -> Int? {
        var lineLength = 0
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 10:
                if lineLength == 0, index > 0 { return index + 1 }
                lineLength = 0
            case 13: break
            default: lineLength += 1
            }
        }
        return nil
    }
}

/// A response of the status socket.
struct StatusResponse: Sendable, Hashable {
    var status = 200
    var type = "text/plain; charset=utf-8"
    var body: String

    /// What the page needs: its own style, and nothing from elsewhere.
    static let contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

    /// The response as bytes; the connection is closed behind it.
    var bytes: [UInt8] {
        let body = Array(self.body.utf8)
        var lines = [
            "HTTP/1.1 \(self.status) \(Self.reason(self.status))", "Content-Type: \(self.type)", "Content-Length: \(body.count)",
            "Cache-Control: no-store", "Connection: close", "X-Content-Type-Options: nosniff",
            "Content-Security-Policy: \(Self.contentSecurityPolicy)",
        ]
        if self.status == 405 { lines.append("Allow: GET") }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    /// A response that says no more than its status.
    static func plain(_ status: Int) -> StatusResponse { StatusResponse(status: status, body: "\(self.reason(status))\n") }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 431: "Request Header Fields Too Large"
        case 503: "Service Unavailable"
        default: "Error"
        }
    }
}
