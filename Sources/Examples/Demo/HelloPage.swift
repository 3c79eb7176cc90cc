import ParanoidFastCGI

/// `GET /hello`: the shortest answer; no session, no cookie.
enum HelloPage {
    static func register(on routes: some RouterMethods) {
        routes.get("/hello") { _ in "hello\n" }
    }
}
