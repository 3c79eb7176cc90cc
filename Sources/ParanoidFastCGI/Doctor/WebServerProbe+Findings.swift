internal import ParanoidLinux

// What is wrong with the web server's side, as its requests show it.
extension WebServerProbe {
    private typealias Finding = Doctor.Finding

    /// The mistakes that probes show; nothing for a healthy installation.
    ///
    /// - Throws: As ``send(to:_:announcing:)``.
    package func findings(for configuration: ApplicationConfiguration) throws -> [Doctor.Finding] {
        let first = try self.send([(ProbeReply.underscoreField, "1")])
        guard let reply = first.reply else { return [self.unreached(first.status)] }
        var findings = self.parameters(reply)
        if try self.send([(ProbeReply.headField, "\(configuration.responseHeadWarning)")]).reply == nil {
            findings.append(
                self.finding(
                    .error,
                    "a response head of \(configuration.responseHeadWarning) bytes, as long as cookies may make it, does not pass",
                    "fastcgi_buffer_size \(max(8, (configuration.responseHeadWarning + 1023) / 1024 + 4))k;"
                )
            )
        }
        if try self.send([("Cookie", "padding=" + String(repeating: "x", count: 6000))]).reply == nil {
            findings.append(self.finding(.error, "a request with 6000 bytes of cookies does not pass", "large_client_header_buffers 4 8k;"))
        }
        let body = try self.send(announcing: configuration.bodyLimit)
        if body.status == 413 {
            findings.append(
                self.finding(
                    .warning,
                    "a body of \(configuration.bodyLimit) bytes is refused, the application takes it (PARANOID_BODY_LIMIT)",
                    "client_max_body_size \(configuration.bodyLimit + 1);"
                )
            )
        }
        if self.origin.hasPrefix("https://") { findings += try self.plainTwin() }
        return findings
    }

    private func unreached(_ status: Int?) -> Doctor.Finding {
        switch status {
        case nil: self.finding(.error, "nobody answers", "start nginx, or name another address with --url")
        case 502, 503, 504:
            self.finding(.error, "status \(status ?? 0): the application is not reached", "fastcgi_pass, and the error log of nginx")
        case let status?:
            self.finding(
                .error,
                "status \(status) does not come from this application",
                "location / { include paranoid_location.conf; }, or name the server with --url"
            )
        }
    }

    private func parameters(_ reply: ProbeReply) -> [Doctor.Finding] {
        var found: [Doctor.Finding] = []
        let isSecure = self.origin.hasPrefix("https://")
        let claim = reply.parameters["HTTPS"] ?? ""
        if isSecure, claim.isEmpty {
            found.append(
                self.finding(
                    .error,
                    "the parameter HTTPS does not arrive, so that every request counts as plain HTTP",
                    "fastcgi_param HTTPS $https if_not_empty;"
                )
            )
        }
        if !isSecure, !claim.isEmpty { found.append(self.falseClaim) }
        let needed = [
            ("REQUEST_METHOD", "$request_method", "there is no request without it"), ("REQUEST_URI", "$request_uri", "the router reads it"),
            ("REMOTE_ADDR", "$remote_addr", "sessions are bound to it"),
        ]
        for (name, value, reason) in needed where (reply.parameters[name] ?? "").isEmpty {
            found.append(self.finding(.error, "the parameter \(name) does not arrive; \(reason)", "fastcgi_param \(name) \(value);"))
        }
        let began = Double(reply.parameters["REQUEST_BEGAN"] ?? "")
        if began == nil || Double(reply.parameters["REQUEST_TAKEN"] ?? "") == nil {
            found.append(
                self.finding(
                    .warning,
                    "the application is not told when a request began to arrive, and counts from the end of its head",
                    "fastcgi_param REQUEST_BEGAN $msec; fastcgi_param REQUEST_TAKEN $request_time;"
                )
            )
        }
        if let began { found += self.clock(began) }
        for name in reply.doubled.sorted() {
            found.append(
                self.finding(
                    .error,
                    "the parameter \(name) arrives twice; requests in which the two differ are refused",
                    "remove one fastcgi_param \(name)"
                )
            )
        }
        if reply.parameters["HTTP_X_PARANOID_UNDERSCORE"] != nil {
            found.append(self.finding(.error, "X_Forwarded_For and X-Forwarded-For become one parameter", "underscores_in_headers off;"))
        }
        return found
    }

    /// Two clocks that differ: a request that seems to be older than it is gets no new values for its cookies.
    private func clock(_ began: Double) -> [Doctor.Finding] {
        let difference = began - Double(WallClock.nanosecondsSinceEpoch()) / 1e9
        // The parameter must be a time that a number of seconds can hold.
        guard abs(difference) > Self.usualDifference, let seconds = Int64(exactly: abs(difference).rounded()) else { return [] }
        return [
            self.finding(
                .warning,
                "the web server's clock is \(seconds) s \(difference < 0 ? "behind" : "ahead of") the application's: requests count as "
                    + (difference < 0 ? "late, and their sessions get no new values" : "just arrived, however long they have waited"),
                "timedatectl set-ntp true (on both hosts)"
            )
        ]
    }

    /// How far clocks that are set over the network, and the way of a probe, may be apart, in seconds.
    private static let usualDifference = 10.0

    /// The same host without encryption, where the port is the usual one: it may not claim to be encrypted.
    private func plainTwin() throws -> [Doctor.Finding] {
        let rest = self.origin.dropFirst("https://".count)
        let host = rest.prefix { $0 != "/" }
        guard !host.hasSuffix("]") ? !host.contains(":") : true else { return [] }
        let reply = try self.send(to: "http://\(rest)").reply
        return (reply?.parameters["HTTPS"] ?? "").isEmpty ? [] : [self.falseClaim]
    }

    private var falseClaim: Doctor.Finding {
        self.finding(.error, "a request over plain HTTP claims to be encrypted", "fastcgi_param HTTPS $https if_not_empty;")
    }

    private func finding(_ gravity: Doctor.Finding.Gravity, _ problem: String, _ change: String) -> Doctor.Finding {
        Doctor.Finding(gravity: gravity, problem: "\(self.origin): \(problem)", change: change)
    }
}
