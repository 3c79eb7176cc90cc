import Foundation

/// A kept FastCGI connection straight to the application's socket, as one of nginx's.
final class KeptConnection {
    private let descriptor: Int32

    init(path: String) throws {
        self.descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard self.descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let outcome = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard outcome == 0 else { throw TestFailure("connect: errno \(errno)") }
    }

    deinit { close(self.descriptor) }

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
        try self.send(
            Self.record(1, [0, 1, 1, 0, 0, 0, 0, 0]) + Self.record(4, parameters) + Self.record(4, []) + Self.record(5, [])
        )
        var output: [UInt8] = []
        while true {
            let header = try self.receive(8)
            let content = try self.receive(Int(header[4]) << 8 | Int(header[5]))
            _ = try self.receive(Int(header[6]))
            if header[1] == 6 { output += content }
            if header[1] == 3 { break }
        }
        let text = String(decoding: output, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { throw TestFailure("no head in \(text)") }
        return String(text[end.upperBound...])
    }

    private static func record(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, kind, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 0xFF), 0, 0] + content
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(self.descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("send: errno \(errno)") }
            sent += count
        }
    }

    private func receive(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var buffer = [UInt8](repeating: 0, count: count - bytes.count)
            let got = unsafe recv(self.descriptor, &buffer, buffer.count, 0)
            guard got > 0 else { throw TestFailure("the connection ended") }
            bytes += buffer.prefix(got)
        }
        return bytes
    }
}
