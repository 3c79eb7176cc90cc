import ParanoidFastCGI

/// `POST /steal`: replays the visitor's cookies as a thief would, and tells how the guard answered.
///
/// The session cookies are kept from scripts, so it is the server that plays the thief, inside this process.
enum StealPage {
    static func register(on app: Application) {
        app.post("/steal") { request in
            guard try await request.session.guardVerdict == .accepted else {
                throw HTTPError(.conflict, message: "There is no session to steal yet; /session begins one.")
            }
            return try Response.json(await Thief(victim: request, app: app).playAll())
        }
    }
}
