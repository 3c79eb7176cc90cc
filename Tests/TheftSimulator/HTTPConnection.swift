internal import Glibc
internal import ParanoidLinux

/// One kept connection to an HTTP server of this machine, used by one thread, which blocks.
final class HTTPConnection {
    struct Answer {
        var status: Int
        var cookies: [(name: String, value: String)]
        var body: String
    }

    private let address: SocketAddress
    private var socket: Socket?
    private var received: [UInt8] = []

    init(port: UInt16) {
        guard let address = SocketAddress(host: "127.0.0.1", port: port) else { preconditionFailure("an address in numbers") }
        self.address = address
    }

    /// Sends a request without a body and waits for its answer.
    func get(_ target: String, fields: [(name: String, value: String)]) throws -> Answer {
        if self.socket == nil {
            let socket = try Socket(for: self.address)
            try socket.connect(to: self.address)
            // Only so that a broken server ends the test.
            try socket.setTimeouts(read: .seconds(60), write: .seconds(60))
            socket.tuneForRequests()
            self.socket = consume socket
            self.received = []
        }
        var text = "GET \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        try self.send(Array((text + "\r\n").utf8))
        return try self.receiveAnswer()
    }

    private func receiveAnswer() throws -> Answer {
        let end: [UInt8] = [13, 10, 13, 10]
        var headEnd = self.received.firstRange(of: end)
        while headEnd == nil {
            try self.receive()
            headEnd = self.received.firstRange(of: end)
        }
        guard let headEnd else { throw SimulatorError("no head") }
        let head = String(decoding: self.received[..<headEnd.lowerBound], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw SimulatorError("not an answer: \(head.prefix(100))")
        }
        var answer = Answer(status: status, cookies: [], body: "")
        var length: Int?
        var closes = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            switch line[..<colon].lowercased() {
            case "content-length": length = Int(value)
            case "connection": closes = value.lowercased() == "close"
            case "set-cookie":
                let pair = value.prefix { $0 != ";" }
                guard let equals = pair.firstIndex(of: "=") else { continue }
                answer.cookies.append((String(pair[..<equals]), String(pair[pair.index(after: equals)...])))
            default: break
            }
        }
        guard let length else { throw SimulatorError("an answer without a length: \(head)") }
        while self.received.count < headEnd.upperBound + length { try self.receive() }
        answer.body = String(decoding: self.received[headEnd.upperBound..<headEnd.upperBound + length], as: UTF8.self)
        self.received.removeFirst(headEnd.upperBound + length)
        // nginx ends a connection after some requests.
        if closes { self.socket = nil }
        return answer
    }

    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: 8192)
        guard let number = self.socket?.descriptor.number else { throw SimulatorError("not connected") }
        let count = unsafe recv(number, &buffer, buffer.count, 0)
        guard count > 0 else { throw SimulatorError("the connection has ended") }
        self.received += buffer[..<count]
    }

    private func send(_ bytes: [UInt8]) throws {
        guard let number = self.socket?.descriptor.number else { throw SimulatorError("not connected") }
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(number, $0.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SimulatorError("the connection does not take a request") }
            sent += count
        }
    }
}

/// Something that should not happen; it ends the simulation.
struct SimulatorError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
