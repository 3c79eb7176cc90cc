import HTTPHandling
import SessionSecurity
import Testing

@testable import ParanoidFastCGI

@Suite("Settings from the environment")
struct ConfigurationTests {
    private func read(_ environment: [String: String]) throws -> ApplicationConfiguration {
        try ApplicationConfiguration(environment: environment.merging(["HOME": "/home/ann"]) { given, _ in given }, processors: 8)
    }

    @Test("have the defaults of the Django package and its host")
    func defaults() throws {
        let configuration = try self.read([:])
        let sessions = configuration.sessions
        #expect(sessions.checkedParameters == ["REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_USER_AGENT"])
        #expect(sessions.guardSettings.nonceTimeout == .seconds(1))
        #expect(sessions.guardSettings.nonceWindow == 1)
        #expect(sessions.guardSettings.nonceWindowTimeout == .seconds(1))
        #expect(sessions.guardSettings.identifierTimeout == nil)
        #expect(sessions.guardSettings.clearing == .flush)
        #expect(sessions.guardSettings.profile == .paranoid)
        #expect(sessions.guardSettings.lifetime == 1_209_600)
        #expect(!sessions.guardSettings.expiresAtBrowserClose)
        #expect(!sessions.guardSettings.savesEveryRequest)
        #expect(sessions.reservedKey == "PARANOID_SESSION_DATA")
        #expect(sessions.cookies.sessionName == "sessionid")
        #expect(sessions.cookies.nonceName == "sessionnonce")
        #expect(sessions.cookies.secondName == "sessionid_https")
        #expect(sessions.cookies.path == "/")
        #expect(sessions.cookies.domain == nil)
        #expect(!sessions.cookies.isSecure)
        #expect(sessions.cookies.isHTTPOnly)
        #expect(sessions.cookies.sameSite == .lax)
        #expect(configuration.workers == 8)
        #expect(configuration.threads == 8)
        #expect(configuration.bodyLimit == 2 << 20)
        #expect(configuration.listen == "unix:/home/ann/.local/state/paranoid/app.sock")
        #expect(configuration.sessionDirectory == "/home/ann/.local/state/paranoid/sessions")
        #expect(configuration.secretFile == "/home/ann/.local/state/paranoid/secret")
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
        #expect(configuration.requestLimit == 7 && configuration.responseHeadWarning == 8184)
        #expect(configuration.requestDeadline == .seconds(9) && configuration.requestGrace == .milliseconds(500))
        #expect(configuration.maximumRequests == 5000)
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
        #expect(sessions.guardSettings.lifetime == 60)
        #expect(sessions.guardSettings.expiresAtBrowserClose)
        #expect(sessions.guardSettings.savesEveryRequest)
        #expect(sessions.reservedKey == "mine")
        #expect(sessions.uncheckedPathPrefixes == ["/safe", "/open"])
        #expect(sessions.cookies.sessionName == "id")
        #expect(sessions.cookies.nonceName == "n")
        #expect(sessions.cookies.secondName == "s")
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
            ("SESSION_COOKIE_SAMESITE", "None", "Secure"), ("SESSION_COOKIE_NAME", "__Host-id", "Secure"),
            ("SESSION_COOKIE_NAME", "sessionnonce", "three"),
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

    @Test("put state where systemd or the desktop say, before the home directory")
    func stateDirectory() throws {
        #expect(try self.read(["STATE_DIRECTORY": "/var/lib/a:/var/lib/b"]).secretFile == "/var/lib/a/secret")
        #expect(try self.read(["XDG_STATE_HOME": "/x"]).secretFile == "/x/paranoid/secret")
        #expect(try self.read(["RUNTIME_DIRECTORY": "/run/a", "STATE_DIRECTORY": "/var/lib/a"]).listen == "unix:/run/a/app.sock")
        #expect(try self.read(["XDG_RUNTIME_DIR": "/run/user/1"]).listen == "unix:/run/user/1/paranoid/app.sock")
        #expect(throws: ConfigurationError.self) { try ApplicationConfiguration(environment: [:]) }
    }
}
