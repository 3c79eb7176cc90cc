import ParanoidFastCGI

/// `/session`, `/session/peek`, `/session/details` and `/safe`: what the guard thinks and what the session holds.
enum SessionPages {
    static func register(on routes: some RouterMethods) {
        routes.get("/session") { request in
            try Response.json(await SessionReport.count(in: request.session))
        }
        routes.get("/session/peek") { request in
            try Response.json(await SessionReport.peek(at: request.session))
        }
        routes.get("/session/details") { request in
            try Response.json(await SessionDetails.peek(at: request))
        }
        // Only its path differs: PSESSION_FILTER_PREFIXES=/safe takes it out of the checks.
        routes.get("/safe") { request in
            try Response.json(await SessionReport.count(in: request.session))
        }
    }
}
