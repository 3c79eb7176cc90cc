import ParanoidFastCGI

/// `GET /slow?ms=N`: waits without holding a thread or a lock, then answers as `/session` does.
enum SlowPage {
    private static let longest = 60_000

    static func register(on routes: some RouterMethods) {
        routes.get("/slow") { request in
            guard let text = request.query.first(named: "ms"), let milliseconds = Int(text), (0...Self.longest).contains(milliseconds)
            else {
                throw HTTPError(.badRequest, message: "ms is a number from 0 to \(Self.longest).")
            }
            try await Task.sleep(for: .milliseconds(milliseconds))
            return try Response.json(await SessionReport.count(in: request.session))
        }
    }
}
