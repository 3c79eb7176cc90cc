import ParanoidFastCGI

/// `GET /`: one page that shows the visitor's session live and lets the visitor steal it.
///
/// It is readable without scripts; with them the numbers move. Nothing is loaded from elsewhere, and the policy in the head lets only the
/// page's own style and script run.
enum HomePage {
    static func register(on routes: some RouterMethods, settings: SessionSettings, httpsPort: Int?) {
        routes.get("/") { request in
            let details = try await SessionDetails.peek(at: request)
            let token = Self.randomToken()
            var response = Response.html(
                Self.page(details: details, token: token, settings: settings, link: Self.link(from: request, to: httpsPort))
            )
            try response.setHeader("no-store", for: .cacheControl)
            try response.setHeader(
                "default-src 'none'; style-src 'nonce-\(token)'; script-src 'nonce-\(token)'; connect-src 'self'; form-action 'self'; "
                    + "base-uri 'none'; frame-ancestors 'none'",
                for: .contentSecurityPolicy
            )
            return response
        }
    }

    /// What there is to say over plain HTTP.
    private static func plainText(_ settings: SessionSettings, _ link: String?) -> String {
        guard settings.guardSettings.isHTTPSOnly else { return "over plain HTTP" }
        let way = link.map { "<a href=\"\($0)\">go to the HTTPS port</a>" } ?? "use the HTTPS port"
        return "over plain HTTP, <strong>where there are no sessions</strong>: \(way)"
    }

    /// The same page over HTTPS; `nil` where the port or the host is not known.
    private static func link(from request: Request, to port: Int?) -> String? {
        guard let port, let host = request.parameter("HTTP_HOST")?.split(separator: ":").first, !host.isEmpty,
            host.utf8.allSatisfy({ $0 == 0x2D || $0 == 0x2E || 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 })
        else { return nil }
        return "https://\(host):\(port)/"
    }

    static func randomToken() -> String {
        String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    private static func page(details: SessionDetails, token: String, settings: SessionSettings, link: String?) -> String {
        let report = details.report
        let user = report.user?.escapedForHTML ?? "nobody"
        let reason = report.reason.map { "(\($0.rawValue.escapedForHTML))" } ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>ParanoidFastCGI: your session</title>
            <style nonce="\(token)">\(HomePageStyle.text)</style>
            </head>
            <body>
            <header>
            <h1>Paranoid<span>FastCGI</span></h1>
            <p>nginx → libfcgi → paranoid sessions → Swift handlers → files under <code>flock</code>.
            This page is served by worker <b data-live="process">\(details.process)</b>,
            \(details.isSecure ? "over HTTPS" : Self.plainText(settings, link)).</p>
            </header>
            <main>
            <section aria-labelledby="session-title">
            <h2 id="session-title">Your session</h2>
            <p class="verdict"><span class="badge" data-live="verdict" data-verdict="\(report.verdict.rawValue)">\(report.verdict.rawValue)</span>
            <span data-live="reason">\(reason)</span></p>
            <dl>
            <div><dt>User</dt><dd data-live="user">\(user)</dd></div>
            <div><dt>Visits counted</dt><dd data-live="hits">\(report.hits)</dd></div>
            <div><dt>Age of the nonce</dt><dd data-live="nonce">\(details.nonceAgeMilliseconds.map { "\($0) ms" } ?? "no nonce yet")</dd></div>
            <div><dt>Ends if unused at</dt><dd data-live="expiry">\(details.expiresAtUnixSeconds == nil ? "no session yet" : "…")</dd></div>
            </dl>
            <p id="message" role="status"></p>
            <div class="actions">
            <form action="/login" method="post" data-action><input name="user" value="alice" maxlength="100" required aria-label="User name" \
            autocomplete="off"><button>Log in</button></form>
            <form action="/session" method="get" data-action><button>Count a visit</button></form>
            <form action="/rotate" method="post" data-action><button>New identifier</button></form>
            <form action="/logout" method="post" data-action><button>Log out</button></form>
            </div>
            <p><a href="/devices">Where you are logged in</a>, as a list for programs; and <a href="/account">a login with tokens, levels and messages</a>.</p>
            </section>
            <section aria-labelledby="steal-title">
            <h2 id="steal-title">Steal it</h2>
            <p>Your cookies are out of reach for scripts, so the server plays the thief: it replays them through the same guard, from a
            pretended address and browser, and then tries six more ways on a stand-in that looks like you. It takes a few seconds, as one of
            the thieves comes late.</p>
            <p><a href="/simulate">Owners and thieves</a>, thousands of requests in virtual time.</p>
            <form action="/steal" method="post" id="steal"><button class="steal">Steal this session</button></form>
            <ol id="thefts" aria-live="polite"></ol>
            </section>
            <section class="wide" aria-labelledby="guards-title">
            <h2 id="guards-title">What stands guard</h2>
            <div class="guards">\(GuardTexts(settings).all.map { "<article><h3>\($0)</h3><p>\($1)</p></article>" }.joined(separator: "\n"))</div>
            </section>
            </main>
            <footer><p>Try it by hand: <code>curl -k -c jar -b jar \(details.isSecure ? "https" : "http")://…/session</code>, and once more with
            <code>-A thief</code>. Other routes: <code>/hello</code> <code>/session/peek</code> <code>/session/values</code> <code>/echo</code>
            <code>/params</code> <code>/slow?ms=500</code> <code>/worker</code> <code>/error</code> <code>/simulate</code>.</p></footer>
            <script nonce="\(token)">\(HomePageScript.text)</script>
            </body>
            </html>

            """
    }
}
