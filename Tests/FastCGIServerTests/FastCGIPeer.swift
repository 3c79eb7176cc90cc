import FastCGIServer
import Glibc
import ParanoidLinux
import Testing

/// A web server's side of the protocol, written by hand so that it can also say what no web server says.
struct FastCGIPeer: ~Copyable {
    /// One answered request.
    struct Answer {
        var output: [UInt8] = []
        var applicationStatus: UInt32?
        var protocolStatus: UInt8?

        var text: String { String(decoding: self.output, as: UTF8.self) }
    }

    /// One record.
    struct Record: Equatable {
        var kind: UInt8
        var request: UInt16
        var content: [UInt8]
    }

    struct EndOfStream: Error {}
    struct TimeOut: Error {}

    let number: CInt

    /// Connects to a unix socket; everything that waits gives up after a minute.
    init(_ path: String) throws {
        self.number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(self.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try self.prepare(code)
    }

    /// Connects to a TCP port of this host.
    init(port: UInt16) throws {
        self.number = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(self.number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try self.prepare(code)
    }

    /// Takes over a connected socket.
    init(connected number: CInt) {
        self.number = number
    }

    deinit {
        close(self.number)
    }

    private func prepare(_ code: CInt) throws {
        guard code == 0 else { throw SystemCallError("connect") }
        var time = timeval(tv_sec: 600, tv_usec: 0)
        unsafe setsockopt(self.number, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(self.number, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    // MARK: - Records

    static func record(_ kind: UInt8, _ content: [UInt8] = [], request: UInt16 = 1, padding: UInt8 = 0, version: UInt8 = 1) -> [UInt8] {
        let header: [UInt8] = [
            version, kind, UInt8(request >> 8), UInt8(request & 0xFF), UInt8(content.count >> 8), UInt8(content.count & 0xFF), padding, 0,
        ]
        return header + content + [UInt8](repeating: 0, count: Int(padding))
    }

    static func begin(role: UInt16 = 1, keep: Bool = true, request: UInt16 = 1) -> [UInt8] {
        Self.record(1, [UInt8(role >> 8), UInt8(role & 0xFF), keep ? 1 : 0, 0, 0, 0, 0, 0], request: request)
    }

    static func pair(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
        func length(_ count: Int) -> [UInt8] {
            count < 128
                ? [UInt8(count)]
                : [UInt8(count >> 24 | 0x80), UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
        }
        return length(name.count) + length(value.count) + name + value
    }

    static func parameters(_ pairs: [(String, String)], request: UInt16 = 1) -> [UInt8] {
        Self.stream(4, pairs.flatMap { Self.pair(Array($0.0.utf8), Array($0.1.utf8)) }, request: request)
    }

    /// Content of any length in records of one kind, with the empty one at the end.
    static func stream(_ kind: UInt8, _ content: [UInt8], request: UInt16 = 1) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = content[...]
        while !rest.isEmpty {
            let part = rest.prefix(65_528)
            bytes += Self.record(kind, Array(part), request: request)
            rest = rest.dropFirst(part.count)
        }
        return bytes + Self.record(kind, request: request)
    }

    static func head(_ path: String, role: UInt16 = 1, keep: Bool = true, parameters: [(String, String)] = []) -> [UInt8] {
        Self.begin(role: role, keep: keep) + Self.parameters([("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", path)] + parameters)
    }

    static func request(_ path: String, keep: Bool = true, parameters: [(String, String)] = [], body: [UInt8] = []) -> [UInt8] {
        Self.head(path, keep: keep, parameters: parameters) + Self.stream(5, body)
    }

    // MARK: - Conversation

    borrowing func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(self.number, bytes.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SystemCallError("send") }
            sent += count
        }
    }

    borrowing func receive(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var buffer = [UInt8](repeating: 0, count: count - bytes.count)
            let capacity = buffer.count
            let got = unsafe buffer.withUnsafeMutableBytes { unsafe recv(self.number, $0.baseAddress, capacity, 0) }
            if got == 0 || (got < 0 && errno == ECONNRESET) { throw EndOfStream() }
            if got < 0 { throw TimeOut() }
            bytes += buffer.prefix(got)
        }
        return bytes
    }

    borrowing func receiveRecord() throws -> Record {
        let header = try self.receive(8)
        let content = try self.receive(Int(header[4]) << 8 | Int(header[5]))
        _ = try self.receive(Int(header[6]))
        return Record(kind: header[1], request: UInt16(header[2]) << 8 | UInt16(header[3]), content: content)
    }

    /// Reads records up to the end of a request.
    borrowing func answer() throws -> Answer {
        var answer = Answer()
        while true {
            let record = try self.receiveRecord()
            switch record.kind {
            case 6: answer.output += record.content
            case 3:
                answer.applicationStatus = record.content.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
                answer.protocolStatus = record.content[4]
                return answer
            default: continue
            }
        }
    }

    borrowing func ask(_ path: String, keep: Bool = true, parameters: [(String, String)] = [], body: [UInt8] = []) throws -> Answer {
        try self.send(Self.request(path, keep: keep, parameters: parameters, body: body))
        return try self.answer()
    }

    /// Waits for the end of the stream.
    ///
    /// - Returns: What came before it.
    @discardableResult
    borrowing func readToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            do {
                bytes += try self.receive(1)
            } catch is EndOfStream {
                return bytes
            }
        }
    }

    /// Whether bytes are there to be read within the time.
    borrowing func hasAnswer(within milliseconds: CInt) -> Bool {
        var entry = pollfd(fd: self.number, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, milliseconds) > 0
    }

    borrowing func shutWriting() {
        shutdown(self.number, CInt(SHUT_WR))
    }
}
