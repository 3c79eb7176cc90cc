internal import TestSupport

/// One kept connection to an HTTP server of this machine, used by one thread, which blocks.
final class HTTPConnection {
    struct Answer {
        var status: Int
        var cookies: [(name: String, value: String)]
        var body: String
    }

    private let port: Int
    private var client: StreamClient?
    private var received: [UInt8] = []

    init(port: UInt16) {
        self.port = Int(port)
    }

    /// Sends a request without a body and waits for its answer.
    func get(_ target: String, fields: [(name: String, value: String)]) throws -> Answer {
        let client = try self.client ?? StreamClient(port: self.port)
        if self.client == nil { self.received = [] }
        self.client = client
        var text = "GET \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        try client.send(Array((text + "\r\n").utf8))
        return try self.receiveAnswer(from: client)
    }

    private func receiveAnswer(from client: StreamClient) throws -> Answer {
        let end: [UInt8] = [13, 10, 13, 10]
        var headEnd = self.received.firstRange(of: end)
        while headEnd == nil {
            try self.receive(from: client)
            headEnd = self.received.firstRange(of: end)
        }
        guard let headEnd else { throw TestFailure("no head") }
        let head = String(decoding: self.received[..<headEnd.lowerBound], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw TestFailure("not an answer: \(head.prefix(100))")
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
        guard let length else { throw TestFailure("an answer without a length: \(head)") }
        while self.received.count < headEnd.upperBound + length { try self.receive(from: client) }
        answer.body = String(decoding: self.received[headEnd.upperBound..<headEnd.upperBound + length], as: UTF8.self)
        self.received.removeFirst(headEnd.upperBound + length)
        // nginx ends a connection after some requests.
        if closes { self.client = nil }
        return answer
    }

    private func receive(from client: StreamClient) throws {
        let bytes = try client.receive(atMost: 8192)
        guard !bytes.isEmpty else { throw TestFailure("the connection has ended") }
        self.received += bytes
    }
}
