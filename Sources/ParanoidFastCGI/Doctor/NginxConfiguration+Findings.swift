internal import FastCGIServer
internal import ParanoidHTTP

// What is wrong with nginx's side.
extension NginxConfiguration {
    /// A location that passes requests on, with what the blocks around it say.
    private struct Location {
        var pass: String
        /// The directives that are in force, the innermost of each name; lists hold all of the innermost block that has one.
        var values: [String: [[String]]]

        func last(_ name: String) -> String? { self.values[name]?.last?.first }
        func parameter(_ name: String) -> String? { self.values["fastcgi_param"]?.last { $0.first == name }?.dropFirst().first }
    }

    /// The mistakes that concern an application with these settings.
    func findings(for configuration: ApplicationConfiguration) -> [Doctor.Finding] {
        let upstreams = self.upstreams
        let locations = Self.locations(in: self.directives, values: [:])
        var found: [Doctor.Finding] = []
        func add(_ gravity: Doctor.Finding.Gravity, _ problem: String, _ change: String) {
            let finding = Doctor.Finding(gravity: gravity, problem: "nginx: \(problem)", change: change)
            if !found.contains(finding) { found.append(finding) }
        }
        if locations.isEmpty { add(.error, "no location has a fastcgi_pass", "include paranoid_location.conf;") }
        for location in locations {
            let servers = upstreams[location.pass]?.servers ?? [location.pass]
            if configuration.listen.hasPrefix("unix:"), !servers.contains(where: { $0 == configuration.listen }) {
                add(
                    .error,
                    "requests go to \(servers.joined(separator: ", ")), the application listens on \(configuration.listen)",
                    "server \(configuration.listen) max_fails=0;"
                )
            }
            Self.checkParameters(of: location, add)
            Self.checkSizes(of: location, configuration, add)
            self.checkConnections(of: location, upstreams[location.pass], configuration, add)
        }
        return found
    }

    private typealias Adding = (Doctor.Finding.Gravity, String, String) -> Void

    private static func checkParameters(of location: Location, _ add: Adding) {
        let needed = [
            ("REQUEST_METHOD", "$request_method", "there is no request without it"), ("REQUEST_URI", "$request_uri", "the router reads it"),
            ("REMOTE_ADDR", "$remote_addr", "sessions are bound to it"),
            ("CONTENT_LENGTH", "$content_length", "bodies are refused without it"),
        ]
        for (name, value, reason) in needed where location.parameter(name) == nil {
            add(.error, "the parameter \(name) is not sent; \(reason)", "fastcgi_param \(name) \(value);")
        }
        if location.parameter("HTTPS") == nil {
            add(
                .error,
                "the parameter HTTPS is not sent, so that every request counts as plain HTTP",
                "fastcgi_param HTTPS $https if_not_empty;"
            )
        } else if location.parameter("HTTPS") == "on" {
            add(.error, "every request claims to be encrypted", "fastcgi_param HTTPS $https if_not_empty;")
        }
        if location.parameter("REQUEST_BEGAN") == nil || location.parameter("REQUEST_TAKEN") == nil {
            add(
                .warning,
                "the application is not told when a request began to arrive, and counts from the end of its head",
                "fastcgi_param REQUEST_BEGAN $msec; fastcgi_param REQUEST_TAKEN $request_time;"
            )
        }
        let names = (location.values["fastcgi_param"] ?? []).compactMap(\.first)
        for name in Set(names).sorted() where names.count(where: { $0 == name }) > 1 {
            add(
                .error,
                "the parameter \(name) is sent twice; requests in which the two differ are refused",
                "remove one fastcgi_param \(name)"
            )
        }
        if location.last("underscores_in_headers") == "on" {
            add(.error, "X_Forwarded_For and X-Forwarded-For become one parameter", "underscores_in_headers off;")
        }
    }

    private static func checkSizes(of location: Location, _ configuration: ApplicationConfiguration, _ add: Adding) {
        let buffer = self.bytes(location.last("fastcgi_buffer_size")) ?? 4096
        if buffer < 8192 {
            add(
                .warning,
                "a response head with its cookies has to fit into \(buffer) bytes, else nginx answers 502",
                "fastcgi_buffer_size 8k;"
            )
        }
        let body = self.bytes(location.last("client_max_body_size")) ?? 1 << 20
        if body != 0, body < configuration.bodyLimit {
            add(
                .warning,
                "nginx refuses bodies beyond \(body) bytes, the application takes \(configuration.bodyLimit)",
                "client_max_body_size \(configuration.bodyLimit + 1);"
            )
        }
        if location.last("fastcgi_request_buffering") == "off" {
            add(.warning, "slow senders hold threads of the application", "fastcgi_request_buffering on;")
        }
        if location.last("fastcgi_next_upstream")?.contains("non_idempotent") == true
            || location.values["fastcgi_next_upstream"]?.last?.contains("non_idempotent") == true
        {
            add(.error, "nginx may send a POST twice", "fastcgi_next_upstream error timeout;")
        }
        if let time = self.seconds(location.last("fastcgi_read_timeout") ?? "60s"), let deadline = configuration.requestDeadline,
            .seconds(time) <= deadline
        {
            add(
                .warning,
                "nginx gives up before PARANOID_REQUEST_DEADLINE, so that the client gets its 504 and the work goes on",
                "fastcgi_read_timeout \(deadline.components.seconds + 5)s;"
            )
        }
    }

    private func checkConnections(
        of location: Location,
        _ upstream: Upstream?,
        _ configuration: ApplicationConfiguration,
        _ add: Adding
    ) {
        guard let upstream, upstream.keepalive else { return }
        if location.last("fastcgi_keep_conn") != "on" {
            add(.warning, "keepalive does nothing without fastcgi_keep_conn", "fastcgi_keep_conn on;")
        }
        if let time = Self.seconds(upstream.keepaliveTimeout ?? "60s"), .seconds(time) >= configuration.drainTimeout {
            add(
                .warning,
                "nginx keeps an idle connection for \(time) s, longer than the application drains (\(configuration.drainTimeout.components.seconds) s)",
                "keepalive_timeout 4s; in the upstream"
            )
        }
        if upstream.servers.count == 1, Set(upstream.servers).count == 1 {
            add(
                .warning,
                "a request that meets a dying worker is not tried again, as the upstream has one server",
                "list the server twice, with max_fails=0"
            )
        }
    }

    // MARK: Blocks

    private struct Upstream {
        var servers: [String] = []
        var keepalive = false
        var keepaliveTimeout: String?
    }

    private var upstreams: [String: Upstream] {
        var upstreams: [String: Upstream] = [:]
        func visit(_ directives: [Directive]) {
            for directive in directives {
                guard let block = directive.block else { continue }
                if directive.words.first == "upstream", directive.words.count == 2 {
                    var upstream = Upstream()
                    for line in block {
                        switch line.words.first {
                        case "server": if line.words.count > 1 { upstream.servers.append(line.words[1]) }
                        case "keepalive": upstream.keepalive = true
                        case "keepalive_timeout": upstream.keepaliveTimeout = line.words.count > 1 ? line.words[1] : nil
                        default: break
                        }
                    }
                    upstreams[directive.words[1]] = upstream
                }
                visit(block)
            }
        }
        visit(self.directives)
        return upstreams
    }

    private static func locations(in directives: [Directive], values: [String: [[String]]]) -> [Location] {
        var values = values
        var own: [String: [[String]]] = [:]
        for directive in directives where directive.block == nil {
            guard let name = directive.words.first else { continue }
            own[name, default: []].append(Array(directive.words.dropFirst()))
        }
        // A block that has one of a list has all of it: nothing is inherited then.
        values.merge(own) { _, inner in inner }
        var locations: [Location] = []
        if let pass = own["fastcgi_pass"]?.last?.first { locations.append(Location(pass: pass, values: values)) }
        for directive in directives where directive.words.first != "upstream" {
            if let block = directive.block { locations += self.locations(in: block, values: values) }
        }
        return locations
    }

    // MARK: Values

    private static func bytes(_ text: String?) -> Int? {
        guard let text, let last = text.utf8.last else { return nil }
        let factor: Int
        switch last | 0x20 {
        case UInt8(ascii: "k"): factor = 1 << 10
        case UInt8(ascii: "m"): factor = 1 << 20
        case UInt8(ascii: "g"): factor = 1 << 30
        default: return Int(text)
        }
        return Int(text.dropLast()).map { $0 * factor }
    }

    private static func seconds(_ text: String) -> Int? {
        if let number = Int(text) { return number }
        if text.hasSuffix("ms") { return Int(text.dropLast(2)).map { $0 / 1000 } }
        guard let number = Int(text.dropLast()) else { return nil }
        return switch text.last {
        case "s": number
        case "m": number * 60
        case "h": number * 3600
        case "d": number * 86_400
        default: nil
        }
    }
}
