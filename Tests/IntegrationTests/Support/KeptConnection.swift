import Foundation
import TestSupport

/// A kept FastCGI connection straight to the application's socket, as one of nginx's.
final class KeptConnection: Sendable {
    private let client: StreamClient

    init(path: String) throws {
        self.client = try StreamClient(path: path, timeout: 600)
    }

    /// One request on a connection of its own; the body of its answer.
    static func get(_ path: String, from socket: String) throws -> String {
        try KeptConnection(path: socket).get(path)
    }

    /// One request; the body of its answer.
    func get(_ path: String) throws -> String {
        let query = path.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        let pairs = [
            ("REQUEST_METHOD", "GET"), ("REQUEST_URI", path), ("SCRIPT_NAME", path), ("DOCUMENT_URI", path), ("QUERY_STRING", query),
            ("SERVER_PROTOCOL", "HTTP/1.1"), ("REMOTE_ADDR", "127.0.0.1"), ("HTTP_HOST", "localhost"), ("CONTENT_LENGTH", ""),
        ]
        let parameters = pairs.flatMap { [UInt8($0.utf8.count), UInt8($1.utf8.count)] + Array($0.utf8) + Array($1.utf8) }
        let text = try self.exchange(parameters, following: Self.record(5, []))
        guard let end = text.range(of: "\r\n\r\n") else { throw TestFailure("no head in \(text)") }
        return String(text[end.upperBound...])
    }

    /// A request with a body that comes as these records; the whole response.
    ///
    /// - Parameter more: Parameters besides method and path.
    func post(_ path: String, _ more: [(String, String)], _ records: [(kind: UInt8, content: [UInt8])]) throws -> String {
        let pairs = [("REQUEST_METHOD", "POST"), ("REQUEST_URI", path), ("HTTPS", "on")] + more
        let parameters = pairs.flatMap { [UInt8($0.utf8.count), UInt8($1.utf8.count)] + Array($0.utf8) + Array($1.utf8) }
        return try self.exchange(parameters, following: records.flatMap { Self.record($0.kind, $0.content) })
    }

    /// Asks whether a request may pass, as a web server does in the role authorizer; the whole answer.
    func mayPass(_ path: String, method: String = "GET", cookies: String = "") throws -> String {
        let pairs = [
            ("REQUEST_METHOD", method), ("REQUEST_URI", path), ("HTTPS", "on"), ("REMOTE_ADDR", "127.0.0.1"), ("HTTP_COOKIE", cookies),
            ("CONTENT_LENGTH", "5"), ("HTTP_USER_AGENT", "agent"),
        ]
        let parameters = pairs.flatMap { name, value in
            // A length of 128 and more takes four bytes.
            let length =
                value.utf8.count < 128
                ? [UInt8(value.utf8.count)] : [0x80, 0, UInt8(value.utf8.count >> 8), UInt8(value.utf8.count & 0xFF)]
            return [UInt8(name.utf8.count)] + length + Array(name.utf8) + Array(value.utf8)
        }
        return try self.exchange(parameters, following: [], role: 2)
    }

    private func exchange(_ parameters: [UInt8], following records: [UInt8], role: UInt8 = 1) throws -> String {
        try self.client.send(Self.record(1, [0, role, 1, 0, 0, 0, 0, 0]) + Self.record(4, parameters) + Self.record(4, []) + records)
        var output: [UInt8] = []
        while true {
            let header = try self.client.receive(exactly: 8)
            let content = try self.client.receive(exactly: Int(header[4]) << 8 | Int(header[5]))
            _ = try self.client.receive(exactly: Int(header[6]))
            if header[1] == 6 { output += content }
            if header[1] == 3 { break }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func record(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, kind, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 0xFF), 0, 0] + content
    }
}
