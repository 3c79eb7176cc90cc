import FileSessionStore
import ParanoidHTTP
import ParanoidSessions
import Testing

@testable import ParanoidFastCGI

@Suite("Settings from the environment")
struct ConfigurationTests {
    private func read(_ environment: [String: String]) throws -> ApplicationConfiguration {
        let environment = environment.merging(["HOME": "/home/ann"]) { given, _ in given }
        return try ApplicationConfiguration(Setting.Surroundings(environment: environment, defaultWorkers: 8))
    }

    @Test("protect by default: HTTPS only, names that browsers guard, signals weighed")
    func defaults() throws {
        let configuration = try self.read([:])
        let sessions = configuration.sessions
        #expect(sessions.checkedParameters.isEmpty)
        #expect(sessions.signals.map(\.name) == ["address", "agent", "hints", "language"])
        #expect(sessions.signals.map(\.policy) == [.rotate, .challenge, .log, .log])
        #expect(sessions.guardSettings.isHTTPSOnly && sessions.guardSettings.reuse == .challenge)
        #expect(configuration.addressPrefix == AddressPrefixLengths(version4: 24, version6: 64) && configuration.trustedProxies.isEmpty)
        #expect(sessions.guardSettings.nonceTimeout == .seconds(1))
        #expect(sessions.guardSettings.nonceWindow == 1)
        #expect(sessions.guardSettings.nonceWindowTimeout == .seconds(1))
        #expect(sessions.guardSettings.identifierTimeout == nil)
        #expect(sessions.guardSettings.clearing == .flush)
        #expect(sessions.guardSettings.profile == .paranoid)
        #expect(sessions.guardSettings.lifetime == .seconds(1_209_600))
        #expect(sessions.guardSettings.absoluteLifetime == .seconds(43_200))
        #expect(sessions.guardSettings.anonymousAbsoluteLifetime == .seconds(2_592_000))
        #expect(sessions.rememberAge == .seconds(2_592_000))
        #expect(!sessions.guardSettings.expiresAtBrowserClose)
        #expect(!sessions.guardSettings.savesEveryRequest)
        #expect(sessions.reservedKey == "PARANOID_SESSION_DATA")
        #expect(sessions.cookies.sessionCookie == "__Host-sessionid")
        #expect(sessions.cookies.nonceCookie == "__Host-sessionnonce")
        #expect(sessions.cookies.secondCookie == "__Host-sessionid_https")
        #expect(sessions.cookies.path == "/")
        #expect(sessions.cookies.domain == nil)
        #expect(sessions.cookies.isSecure)
        #expect(sessions.cookies.isHTTPOnly)
        #expect(sessions.cookies.sameSite == .lax)
        #expect(configuration.workers == 8)
        #expect(configuration.threads == 8)
        #expect(configuration.bodyLimit == 2 << 20)
        #expect(configuration.listen == "unix:/home/ann/.local/state/paranoid/app.sock")
        #expect(configuration.sessionDirectory == "/home/ann/.local/state/paranoid/sessions")
        #expect(configuration.secretFile == "/home/ann/.local/state/paranoid/secret")
    }

    @Test("of absolute time-outs are read, can be switched off, and are refused where they would do nothing")
    func absoluteLifetimes() throws {
        let names = ["SESSION_ABSOLUTE_AGE", "SESSION_ANONYMOUS_ABSOLUTE_AGE"]
        let set = try self.read([names[0]: "60", names[1]: "70", "SESSION_REMEMBER_AGE": "80"])
        #expect(set.sessions.guardSettings.absoluteLifetime == .seconds(60))
        #expect(set.sessions.guardSettings.anonymousAbsoluteLifetime == .seconds(70))
        #expect(set.sessions.rememberAge == .seconds(80))
        let off = try self.read([names[0]: "none", names[1]: "none"])
        #expect(off.sessions.guardSettings.absoluteLifetime == nil)
        #expect(off.sessions.guardSettings.anonymousAbsoluteLifetime == nil)
        for name in names {
            #expect(throws: ConfigurationError.self) { try self.read([name: "0"]) }
            #expect(throws: ConfigurationError.self) { try self.read([name: "60", "PSESSION_PROFILE": "compatible"]) }
            #expect(throws: Never.self) { try self.read([name: "none", "PSESSION_PROFILE": "compatible"]) }
        }
    }

    @Test("of the store are checked at the start, and show no password")
    func store() throws {
        #expect(try self.read([:]).store.isFiles)
        #expect(try self.read(["PARANOID_STORE": "files"]).storePlace == self.read([:]).sessionDirectory)
        let shown = [
            "redis://ann:geheim@h:1/2?cluster": "redis://ann:***@h:1/2?cluster", "redis://:ge/he@im@h": "redis://:***@h",
            "redis://geheim@h": "redis://***@h", "redis+unix:/run/redis.sock": "redis+unix:/run/redis.sock", "redis://h/1": "redis://h/1",
        ]
        for (text, expected) in shown { #expect("\(SessionStoreChoice(text: text))" == expected) }
        for text in ["disk", "reds://u:geheim@h", "redis://u:geheim@h:x", "rediss://u:geheim@h", "redis://u:geheim@h?sentinel=m&cluster"] {
            #expect {
                try self.read(["PARANOID_STORE": text])
            } throws: { error in
                (error as? ConfigurationError)?.setting == "PARANOID_STORE" && !"\(error)".contains("geheim")
            }
        }
        #if Redis
        let redis = try self.read(["PARANOID_STORE": "redis://ann:geheim@h"])
        #expect(redis.storePlace == "redis://ann:***@h" && !redis.store.isFiles)
        #expect(!redis.explained().contains { $0.value.contains("geheim") })
        #expect(try self.read(["PARANOID_STORE": "redis://h", "PARANOID_ANONYMOUS_LIMIT": "9"]).anonymousLimit == 9)
        let moving = try self.read(["PARANOID_STORE": "redis://h", "PARANOID_STORE_FROM": "files"])
        #expect(moving.usesFiles && moving.previousStore?.isFiles == true && !redis.usesFiles)
        for (new, old) in [("files", "files"), ("redis://h", "redis://g"), ("files", "disk")] {
            #expect {
                try self.read(["PARANOID_STORE": new, "PARANOID_STORE_FROM": old])
            } throws: {
                ($0 as? ConfigurationError)?.setting == "PARANOID_STORE_FROM"
            }
        }
        #else
        #expect(throws: ConfigurationError.self) { try self.read(["PARANOID_STORE_FROM": "redis://h"]) }
        #expect {
            try self.read(["PARANOID_STORE": "redis://h"])
        } throws: {
            "\($0)" == "PARANOID_STORE: this program was built without the package trait Redis"
        }
        #endif
    }

    @Test("are each read under their own name")
    func values() throws {
        let configuration = try self.read([
            "PSESSION_CHECK_HEADERS": "REMOTE_ADDR, HTTP_ACCEPT", "PSESSION_NONCE_TIMEOUT": "none", "PSESSION_NONCE_WINDOW": "3",
            "PSESSION_NONCE_WINDOW_TIMEOUT": "0.4375", "PSESSION_KEY_TIMEOUT": "60", "PSESSION_SESSION_KEY": "mine",
            "PSESSION_COOKIE_NAME": "n", "PSESSION_SECURE_COOKIE_NAME": "s", "PSESSION_COOKIE_HTTPONLY": "false",
            "PSESSION_CLEAR_SESSION_FUNCTION": "wipe", "PSESSION_FILTER_PREFIXES": "/safe,/open", "PSESSION_PROFILE": "compatible",
            "SESSION_COOKIE_NAME": "id", "SESSION_COOKIE_AGE": "60", "SESSION_COOKIE_DOMAIN": "example.org", "SESSION_COOKIE_PATH": "/app",
            "SESSION_COOKIE_SECURE": "true", "SESSION_COOKIE_SAMESITE": "Strict", "SESSION_EXPIRE_AT_BROWSER_CLOSE": "yes",
            "SESSION_SAVE_EVERY_REQUEST": "1", "PARANOID_WORKERS": "0", "PARANOID_THREADS": "3", "PARANOID_LISTEN": "127.0.0.1:9000",
            "PARANOID_SESSION_DIR": "/s", "PARANOID_SECRET_FILE": "/k", "PARANOID_BODY_LIMIT": "10", "PARANOID_DURABILITY": "power",
            "PARANOID_SWEEP_INTERVAL": "none", "PARANOID_DRAIN_TIMEOUT": "2.5",
            "PARANOID_REQUEST_DEADLINE": "9", "PARANOID_REQUEST_GRACE": "0.5", "PARANOID_MAX_REQUESTS": "5000",
            "PARANOID_WORKER_MEMORY": "268435456", "PARANOID_HEARTBEAT_TIMEOUT": "none",
            "PARANOID_LISTEN_MODE": "600", "PARANOID_LISTEN_OWNER": "ann", "PARANOID_LISTEN_GROUP": "www",
            "PARANOID_LISTEN_PEERS": "www, @33",
            "PARANOID_LISTEN_CLIENTS": "10.0.0.0/8,::1", "PARANOID_USER": "ann", "PARANOID_GROUP": "www", "PARANOID_LOG_FILE": "/l",
            "PARANOID_PARAMETER_LIMIT": "100", "PARANOID_PARAMETER_BYTES": "2048", "PARANOID_REQUEST_LIMIT": "7",
            "PARANOID_RESPONSE_HEAD_WARNING": "8184", "PARANOID_SCALING": "dynamic", "PARANOID_WORKERS_MIN": "3",
            "PARANOID_WORKERS_MAX": "9",
        ])
        #expect(configuration.listenMode == 0o600 && configuration.listenOwner == "ann" && configuration.listenGroup == "www")
        #expect(configuration.listenPeers == ["www", "@33"] && configuration.listenClients == ["10.0.0.0/8", "::1"])
        #expect(configuration.user == "ann" && configuration.group == "www" && configuration.logFile == "/l")
        #expect(configuration.parameterLimit == 100 && configuration.parameterBytes == 2048)
        #expect(configuration.scaling == .dynamic && configuration.minimumWorkers == 3 && configuration.maximumWorkers == 9)
        #expect(configuration.runningRequestLimit == 7 && configuration.responseHeadWarning == 8184)
        #expect(configuration.requestDeadline == .seconds(9) && configuration.requestGrace == .milliseconds(500))
        #expect(configuration.requestsPerWorker == 5000)
        #expect(configuration.workerMemoryLimit == 256 << 20)
        #expect(configuration.heartbeatTimeout == nil)
        let sessions = configuration.sessions
        #expect(sessions.checkedParameters == ["REMOTE_ADDR", "HTTP_ACCEPT"])
        #expect(sessions.guardSettings.nonceTimeout == nil)
        #expect(sessions.guardSettings.nonceWindow == 3)
        #expect(sessions.guardSettings.nonceWindowTimeout == .nanoseconds(437_500_000))
        #expect(sessions.guardSettings.identifierTimeout == .seconds(60))
        #expect(sessions.guardSettings.clearing == .wipe)
        #expect(sessions.guardSettings.profile == .compatible)
        #expect(sessions.guardSettings.lifetime == .seconds(60))
        #expect(sessions.guardSettings.expiresAtBrowserClose)
        #expect(sessions.guardSettings.savesEveryRequest)
        #expect(sessions.reservedKey == "mine")
        #expect(sessions.uncheckedPathPrefixes == ["/safe", "/open"])
        #expect(sessions.cookies.sessionCookie == "id")
        #expect(sessions.cookies.nonceCookie == "n")
        #expect(sessions.cookies.secondCookie == "s")
        #expect(!sessions.cookies.isHTTPOnly)
        #expect(sessions.cookies.domain == "example.org")
        #expect(sessions.cookies.path == "/app")
        #expect(sessions.cookies.isSecure)
        #expect(sessions.cookies.sameSite == .strict)
        #expect(configuration.workers == 0)
        #expect(configuration.threads == 3)
        #expect(configuration.listen == "127.0.0.1:9000")
        #expect(configuration.sessionDirectory == "/s")
        #expect(configuration.secretFile == "/k")
        #expect(configuration.bodyLimit == 10)
        #expect(configuration.durability == .power)
        #expect(configuration.sweepInterval == nil)
        #expect(configuration.drainTimeout == .seconds(2.5))
    }

    @Test(
        "give cookies the strongest prefix that browsers take with the other attributes",
        arguments: [
            ([:], "__Host-sessionid"), (["SESSION_COOKIE_PATH": "/app"], "__Secure-sessionid"),
            (["SESSION_COOKIE_DOMAIN": "example.org"], "__Secure-sessionid"), (["PSESSION_HTTPS_ONLY": "false"], "sessionid"),
            (["PSESSION_COOKIE_PREFIX": "__Host-Http-"], "__Host-Http-sessionid"), (["PSESSION_COOKIE_PREFIX": "none"], "sessionid"),
            (["SESSION_COOKIE_NAME": "__Secure-id"], "__Secure-id"), (["SESSION_COOKIE_NAME": "id"], "__Host-id"),
            (["PSESSION_PROFILE": "compatible"], "sessionid"), (["PSESSION_PROFILE": "balanced"], "__Host-sessionid"),
        ] as [([String: String], String)]
    )
    func prefixes(_ environment: [String: String], _ name: String) throws {
        #expect(try self.read(environment).sessions.cookies.sessionCookie == name)
    }

    @Test(
        "refuse cookies that no browser would take",
        arguments: [
            ["PSESSION_COOKIE_PREFIX": "__Host-", "SESSION_COOKIE_DOMAIN": "example.org"],
            ["PSESSION_COOKIE_PREFIX": "__Host-", "SESSION_COOKIE_PATH": "/app"],
            ["PSESSION_COOKIE_PREFIX": "__Host-Http-", "PSESSION_COOKIE_HTTPONLY": "false"],
            ["PSESSION_COOKIE_PREFIX": "__Secure-", "PSESSION_HTTPS_ONLY": "false"],
            ["SESSION_COOKIE_SAMESITE": "None", "PSESSION_HTTPS_ONLY": "false"],
            ["SESSION_COOKIE_NAME": "__Host-id", "PSESSION_HTTPS_ONLY": "false"],
        ]
    )
    func impossible(_ environment: [String: String]) {
        let error = #expect(throws: ConfigurationError.self) { try self.read(environment) }
        #expect(error?.problem.contains("browsers refuse") == true)
    }

    @Test("of a profile are its own, and single ones can be replaced")
    func profiles() throws {
        let balanced = try self.read(["PSESSION_PROFILE": "balanced"]).sessions
        #expect(balanced.guardSettings.nonceTimeout == .seconds(600) && balanced.guardSettings.isHTTPSOnly)
        #expect(balanced.signals.map(\.policy) == [.log, .rotate])
        let compatible = try self.read(["PSESSION_PROFILE": "compatible"]).sessions
        #expect(compatible.signals.isEmpty && !compatible.guardSettings.isHTTPSOnly && !compatible.cookies.isSecure)
        #expect(compatible.checkedParameters == ["REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_USER_AGENT"])
        let mixed = try self.read(["PSESSION_SIGNALS": "address:end, SSL_CIPHER:log, language:off"]).sessions.signals
        #expect(mixed.first { $0.name == "address" }?.policy == .end)
        #expect(mixed.first { $0.name == "SSL_CIPHER" }?.policy == .log)
        #expect(mixed.first { $0.name == "language" }?.policy == .off)
        #expect(mixed.first { $0.name == "agent" }?.policy == .challenge)
    }

    @Test("are all explained, with a value that can be set as it is")
    func explained() throws {
        let configuration = try self.read([
            "PSESSION_NONCE_WINDOW_TIMEOUT": "0.4375", "PARANOID_SESSIONS_PER_USER": "3", "PSESSION_SIGNALS": "SSL_CIPHER:log",
        ])
        let settings = configuration.explained()
        #expect(Set(settings.map(\.name)) == SettingNames.known && settings.count == SettingNames.known.count)
        let groups = settings.map(\.group)
        #expect(groups.filter { $0 == groups[0] } == Array(groups.prefix { $0 == groups[0] }), "a group stands together")
        var values: [String: String] = [:]
        for setting in settings { values[setting.name] = setting.value }
        #expect(values["PSESSION_NONCE_WINDOW_TIMEOUT"] == "0.4375")
        #expect(values["PSESSION_SIGNALS"] == "address:rotate,agent:challenge,hints:log,language:log,SSL_CIPHER:log")
        #expect(settings.filter { $0.source == .environment }.count == 3)
        values["PARANOID_ENV_FILE"] = nil
        #expect(try self.read(values).explained().map(\.value) == settings.map(\.value))
    }

    @Test("check nothing when the list of parameters is empty or none", arguments: ["", "none"])
    func emptyList(_ text: String) throws {
        #expect(try self.read(["PSESSION_CHECK_HEADERS": text]).sessions.checkedParameters == [])
    }

    @Test(
        "stop the start when one cannot be used, naming it and what is allowed",
        arguments: [
            ("PSESSION_NONCE_TIMEOUT", "-1", "seconds"), ("PSESSION_NONCE_TIMEOUT", "+1", "seconds"),
            ("PSESSION_NONCE_TIMEOUT", "1,5", "none"),
            ("PSESSION_NONCE_WINDOW", "many", "whole number"), ("PSESSION_COOKIE_HTTPONLY", "maybe", "true or false"),
            ("PSESSION_CLEAR_SESSION_FUNCTION", "burn", "flush, wipe, noop"), ("PSESSION_PROFILE", "brave", "compatible, paranoid"),
            ("PSESSION_CHECK_HEADERS", "User-Agent", "HTTP_USER_AGENT"), ("PSESSION_FILTER_PREFIXES", "safe", "slash"),
            ("SESSION_COOKIE_AGE", "0", "from 1"), ("SESSION_COOKIE_NAME", "a b", "token"), ("SESSION_COOKIE_SAMESITE", "none", "Lax"),
            ("SESSION_COOKIE_SECURE", "false", "HTTPS"), ("PSESSION_COOKIE_PREFIX", "__Http-", "__Host-Http-"),
            ("PSESSION_SIGNALS", "address", "NAME:POLICY"), ("PSESSION_SIGNALS", "address:burn", "rotate"),
            ("PSESSION_SIGNALS", "User-Agent:log", "NAME:POLICY"), ("PSESSION_ADDRESS_PREFIX", "24", "24,64"),
            ("PARANOID_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8"), ("PSESSION_REUSE", "ignore", "end, challenge"),
            ("SESSION_COOKIE_NAME", "sessionnonce", "three"), ("SESSION_COOKIE_NAME", "sessionnonce-2", "three"),
            ("SESSION_COOKIE_PATH", "app", "slash"), ("PARANOID_WORKERS", "two", "from 0"), ("PARANOID_THREADS", "0", "from 1"),
            ("PARANOID_LISTEN", "somewhere", "unix:PATH"), ("PARANOID_DURABILITY", "forever", "process or power"),
            ("PARANOID_SWEEP_INTERVAL", "0", "above 0"), ("PARANOID_MAX_REQUESTS", "0", "from 1"),
            ("PARANOID_HEARTBEAT_TIMEOUT", "0", "from 0.5"), ("PARANOID_WORKER_MEMORY", "1G", "from 1048576"),
            ("PSESSION_REQUEST_FILTER_FUNCTION", "x", "PSESSION_FILTER_PREFIXES"), ("PARANOID_LISTEN_MODE", "0o660", "octal"),
            ("PARANOID_LISTEN_MODE", "1777", "octal"), ("PARANOID_LISTEN_CLIENTS", "10.0.0.1/8", "prefix"),
            ("PARANOID_LISTEN_CLIENTS", "localhost", "address"), ("PARANOID_REQUEST_LIMIT", "0", "from 1"),
            ("PARANOID_SCALING", "elastic", "static, dynamic"), ("PARANOID_WORKERS_MAX", "0", "from 1"),
        ]
    )
    func unusable(_ name: String, _ value: String, _ allowed: String) {
        let error = #expect(throws: ConfigurationError.self) { try self.read([name: value]) }
        #expect(
            error?.description.contains(name.hasPrefix("SESSION_COOKIE") ? "SESSION_COOKIE" : name) == true,
            "\(String(describing: error))"
        )
        #expect(error?.problem.contains(allowed) == true, "\(String(describing: error))")
    }

    @Test(
        "that look like ones and are none are refused with the nearest one",
        arguments: [
            ("PSESSION_NONCE_TIMOUT", "PSESSION_NONCE_TIMEOUT"), ("SESSION_COOKIE_SECUR", "SESSION_COOKIE_SECURE"),
            ("PARANOID_WORKER_COUNT", "PARANOID_WORKERS"),
        ]
    )
    func unknown(_ name: String, _ nearest: String) {
        let error = #expect(throws: ConfigurationError.self) { try self.read([name: "1"]) }
        #expect(error?.setting == name)
        #expect(error?.problem.contains(nearest) == true)
    }

    @Test("of other programs are left alone")
    func foreign() throws {
        _ = try self.read([
            "SESSION_MANAGER": "local/host:@/tmp/x", "DEMO_ALLOW_CRASH": "1", "PARANOID_ROLE": "worker", "PARANOID_STRICT": "1",
        ])
    }

    /// What Kubernetes and Docker set for a service of this name.
    private static func links(_ service: String) -> [String: String] {
        [
            "\(service)_SERVICE_HOST": "10.0.0.1", "\(service)_SERVICE_PORT": "80", "\(service)_SERVICE_PORT_HTTP": "80",
            "\(service)_PORT": "tcp://10.0.0.1:80", "\(service)_PORT_80_TCP": "tcp://10.0.0.1:80", "\(service)_PORT_80_TCP_PROTO": "tcp",
            "\(service)_PORT_80_TCP_START": "tcp://10.0.0.1:80", "\(service)_PORT_80_TCP_END": "tcp://10.0.0.1:89",
            "\(service)_PORT_80_TCP_PORT_START": "80", "\(service)_PORT_80_TCP_PORT_END": "89",
            "\(service)_PORT_80_TCP_PORT": "80", "\(service)_PORT_80_TCP_ADDR": "10.0.0.1", "\(service)_PORT_53_UDP": "udp://10.0.0.1:53",
        ]
    }

    @Test(
        "are never mistaken for the links of a service, whatever its name, together or alone",
        arguments: ["PARANOID", "PARANOID_APP", "PSESSION_STORE", "SESSION", "SESSION_COOKIE", "PARANOID_WORKERS", "PARANOID_PORT_SERVICE"]
    )
    func serviceLinks(_ service: String) throws {
        let links = Self.links(service)
        _ = try self.read(links)
        for (name, value) in links { _ = try self.read([name: value]) }
        // Docker's names of a container; SESSION_COOKIE_NAME is a setting of ours before it is one.
        if service != "SESSION_COOKIE" { _ = try self.read(["\(service)_NAME": "/app/alias", "\(service)_ENV_VERSION": "1"]) }
    }

    @Test(
        "stay refused when mistyped, also beside links and where they look a little like one",
        arguments: [
            "PARANOID_WORKER_", "PSESSION_NONCE_TIMEOU", "PARANOID_PORTS", "PARANOID_PORT_EIGHTY_TCP", "PARANOID_PORT_80_HTTP",
            "PARANOID_SERVICE", "PARANOID_SERVICE_HOSTS", "PARANOID_NAME", "PARANOID_ENV_FIL", "PARANOID_PORT_80",
        ]
    )
    func mistypedBesideLinks(_ name: String) {
        let environment = Self.links("PARANOID_APP").merging([name: "1"]) { $1 }
        let error = #expect(throws: ConfigurationError.self) { try self.read(environment) }
        #expect(error?.setting == name)
    }

    @Test("leave the SESSION_ names of other programs alone")
    func otherSessions() throws {
        let names = [
            "SESSION_TYPE", "SESSION_FILE_DIR", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_PARTITIONED", "SESSION_DRIVER",
            "SESSION_LIFETIME",
            "SESSION_DOMAIN", "SESSION_SECURE_COOKIE", "SESSION_ENCRYPT", "SESSION_ENGINE", "SESSION_SERIALIZER", "SESSION_FILE_PATH",
        ]
        for name in names { _ = try self.read([name: "1"]) }
        _ = try self.read(["SESSION_COOKIE_SAMESITE": "Lax"])
    }

    @Test("set in code are checked as those from the environment")
    func inCode() {
        let changes: [(String, (inout ApplicationConfiguration) -> Void)] = [
            ("PARANOID_TRUSTED_PROXIES", { $0.trustedProxies = ["10.0.0.1/8"] }), ("PARANOID_WORKERS", { $0.workers = -1 }),
            ("PARANOID_THREADS", { $0.threads = 0 }), ("PARANOID_REQUEST_DEADLINE", { $0.requestDeadline = .zero }),
            ("PARANOID_LISTEN", { $0.listen = "somewhere" }), ("PARANOID_SESSIONS_PER_USER", { $0.sessionsPerUser = 0 }),
            ("PSESSION_NONCE_TIMEOUT", { $0.sessions.guardSettings.nonceTimeout = .seconds(-1) }),
            ("PSESSION_FILTER_PREFIXES", { $0.sessions.uncheckedPathPrefixes = ["open"] }),
            ("PSESSION_CHECK_HEADERS", { $0.sessions.checkedParameters = ["User-Agent"] }),
            ("PARANOID_LISTEN_CLIENTS", { $0.listenClients = ["localhost"] }), ("PARANOID_SPACE_RESERVE", { $0.reservedPercent = 91 }),
            ("PARANOID_SESSION_DIR", { $0.sessionDirectory = "" }), ("SESSION_COOKIE_NAME", { $0.sessions.cookies.sessionName = "a b" }),
            ("PARANOID_LISTEN_MODE", { $0.listenMode = 0o1777 }), ("PARANOID_GROUP", { $0.group = "www" }),
        ]
        for (name, change) in changes {
            var configuration = ApplicationConfiguration(stateDirectory: "/nonexistent")
            #expect(throws: Never.self) { _ = try Application(configuration: configuration) }
            change(&configuration)
            let error = #expect(throws: ConfigurationError.self) { _ = try Application(configuration: configuration) }
            #expect(error?.setting == name, "\(String(describing: error))")
        }
    }

    @Test("put state where systemd or the desktop say, before the home directory")
    func stateDirectory() throws {
        #expect(try self.read(["STATE_DIRECTORY": "/var/lib/a:/var/lib/b"]).secretFile == "/var/lib/a/secret")
        #expect(try self.read(["XDG_STATE_HOME": "/x"]).secretFile == "/x/paranoid/secret")
        #expect(try self.read(["RUNTIME_DIRECTORY": "/run/a", "STATE_DIRECTORY": "/var/lib/a"]).listen == "unix:/run/a/app.sock")
        #expect(try self.read(["XDG_RUNTIME_DIR": "/run/user/1"]).listen == "unix:/run/user/1/paranoid/app.sock")
        #expect(throws: ConfigurationError.self) { try ApplicationConfiguration(environment: [:]) }
    }
}
