internal import HTTPTypes

extension Response {
    /// A stream of server-sent events (WHATWG HTML Standard, section 9.2) for `EventSource` in a page.
    ///
    /// ```swift
    /// app.get("/events") { request in
    ///     Response.events(for: request) { events in
    ///         for await entry in journal.entries(after: events.lastEventID) {
    ///             try await events.send(entry.text, id: entry.id)
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// The session is committed before the first byte, so it cannot be changed in the closure. nginx buffers nothing of it
    /// (`X-Accel-Buffering: no`). Where nothing is sent for a while, a comment is: it keeps proxies from closing the connection, and shows that the
    /// client has left, which cancels the closure.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - heartbeat: The pause between two comments.
    ///   - body: Sends the events; the stream ends when it returns.
    public static func events(
        for request: Request,
        heartbeat: Duration = .seconds(15),
        _ body: @escaping @Sendable (EventStream) async throws -> Void
    ) -> Response {
        let lastEventID = request.parameters.text(of: "HTTP_LAST_EVENT_ID").flatMap { EventStream.isLine($0) ? $0 : nil }
        var response = Response(
            body: .stream { writer in
                let events = EventStream(lastEventID: lastEventID, writer: writer)
                // The browser knows at once that the stream is open.
                try await events.beat()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await body(events) }
                    group.addTask {
                        while true {
                            try await Task.sleep(for: heartbeat)
                            try await events.beat()
                        }
                    }
                    // The first that ends, ends the other one.
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
        )
        // All of them are well-formed, so none is refused.
        try? response.setHeader("text/event-stream", for: .contentType)
        try? response.setHeader("no-store", for: .cacheControl)
        if let buffering = HTTPField.Name("X-Accel-Buffering") { try? response.setHeader("no", for: buffering) }
        return response
    }
}

/// A stream of server-sent events that a client reads.
public struct EventStream: Sendable {
    /// The identifier of the last event that the client has got before its connection broke off; `nil` at the first connection.
    public let lastEventID: String?
    private let writer: any ResponseBodyWriter

    init(lastEventID: String?, writer: any ResponseBodyWriter) {
        self.lastEventID = lastEventID
        self.writer = writer
    }

    /// Sends an event and suspends until the connection has taken it, so a slow client slows the closure down.
    ///
    /// - Parameters:
    ///   - data: The text, of any number of lines.
    ///   - event: The name that the page listens to; `message` when `nil`.
    ///   - id: What the client sends as ``lastEventID`` when it connects again.
    /// - Throws: An error when `event` or `id` is not one line; the error of a connection whose client has left.
    public func send(_ data: String, event: String? = nil, id: String? = nil) async throws {
        var text = ""
        for (field, value) in [("event", event), ("id", id)] {
            guard let value else { continue }
            guard Self.isLine(value) else { throw ResponseError(.invalidField, field: field) }
            text += "\(field): \(value)\n"
        }
        var line: [UInt8] = []
        var bytes = Array(text.utf8)
        func endLine() {
            bytes += "data: ".utf8 + line + "\n".utf8
            line.removeAll()
        }
        var isBehindReturn = false
        for byte in data.utf8 {
            switch byte {
            case 0x0A where isBehindReturn: break
            case 0x0A, 0x0D: endLine()
            default: line.append(byte)
            }
            isBehindReturn = byte == 0x0D
        }
        endLine()
        bytes.append(0x0A)
        try await self.writer.write(bytes)
        try await self.writer.flush()
    }

    /// Sends a comment.
    func beat() async throws {
        try await self.writer.write(":\n\n")
        try await self.writer.flush()
    }

    /// Whether a text is one line of a field.
    static func isLine(_ text: String) -> Bool { !text.utf8.contains { $0 == 0x0A || $0 == 0x0D || $0 == 0 } }
}
