import ParanoidFastCGI

/// `GET /error` and `GET /crash`: what the client sees when a handler throws, and what happens when a worker dies.
enum FailurePages {
    private struct DemoFailure: Error, CustomStringConvertible {
        var description: String { "this text goes to the log and never to the client" }
    }

    static func register(on routes: some RouterMethods, allowsCrash: Bool) {
        routes.get("/error") { _ -> Response in
            throw DemoFailure()
        }
        routes.get("/crash") { _ -> Response in
            guard allowsCrash else { throw HTTPError(.notFound, message: "Set DEMO_ALLOW_CRASH=1 to let visitors crash workers.") }
            fatalError("a visitor asked for /crash")
        }
    }
}
