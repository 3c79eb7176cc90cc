import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("The gate for others", .enabled(if: Requirements.phpFPM != nil, "PHP-FPM is needed"))
    struct Gate {
        @Test("PHP behind nginx gets requests with a session only, the user's name, and every cookie on", .timeLimit(.minutes(5)))
        func php() async throws {
            let folder = try TestFolder(isOpen: true)
            try FileManager.default.createDirectory(atPath: folder["root/php"], withIntermediateDirectories: true)
            // Readable for the user that PHP-FPM's children become.
            for path in ["root", "root/php"] {
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder[path])
            }
            let script =
                "<?php setcookie('own', 'php'); echo $_SERVER['REMOTE_USER'], ' ', $_SERVER['REQUEST_METHOD'], ' ', file_get_contents('php://input');"
            try Data(script.utf8).write(to: URL(filePath: folder["root/php/page.php"]))
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder["root/php/page.php"])
            let pool = """
                [global]
                error_log = \(folder["fpm.log"])
                daemonize = no
                [www]
                user = www-data
                group = www-data
                listen = \(folder["php.sock"])
                listen.mode = 0666
                pm = static
                pm.max_children = 1

                """
            try Data(pool.utf8).write(to: URL(filePath: folder["fpm.conf"]))
            let php = try SpawnedCommand(
                [try #require(Requirements.phpFPM), "-n", "-F", "-R", "-y", folder["fpm.conf"]],
                environment: Requirements.environment,
                errors: folder["fpm.err"]
            )
            defer { php.signal(SIGTERM) }
            try await TestApplication.with("stress-server", workers: 2) { app in
                let shipped = try String(contentsOfFile: "\(Requirements.root)/nginx/paranoid_gate.conf", encoding: .utf8)
                let text =
                    shipped
                    .replacingOccurrences(of: "/run/php/php-fpm.sock", with: folder["php.sock"])
                    .replacingOccurrences(of: "include fastcgi.conf", with: "root \(folder["root"]); include /etc/nginx/fastcgi.conf")
                try app.configure(text)
                let jar = try app.jar()
                try await eventually("nginx asks the gate") {
                    let closed = try await app.get("/php/page.php", jar: jar)
                    return closed.status == 303 && closed.value("location")?.hasSuffix("/login") == true
                }
                #expect(try await app.get("/paranoid/gate").status == 404)
                _ = try await app.post("/login", jar: jar, form: ["user": "anna b"])
                try await eventually("PHP answers") { try await app.get("/php/page.php", jar: jar).status == 200 }
                let page = try await app.get("/php/page.php", jar: jar)
                #expect(page.text == "anna%20b GET ")
                #expect(page.values("set-cookie").contains { $0.hasPrefix("own=php") })
                let posted = try await app.curl(app.secure("/php/page.php"), jar: jar, ["-d", "a=1", "-H", "Sec-Fetch-Site: same-origin"])
                #expect(posted.text == "anna%20b POST a=1")
                let forged = try await app.curl(app.secure("/php/page.php"), jar: jar, ["-d", "a=1", "-H", "Sec-Fetch-Site: cross-site"])
                #expect(forged.status == 403)
                #expect(try await app.get("/php/page.php", "-H", "Cookie: __Host-sessionid=x").status == 303)
            }
            php.signal(SIGTERM)
            _ = await php.waitForEnd()
        }

        @Test("an authorizer's web server gets 200 with variables, or the refusal", .timeLimit(.minutes(5)))
        func authorizer() async throws {
            try await TestApplication.with("stress-server", workers: 1) { app in
                let connection = try KeptConnection(path: app.folder["app.sock"])
                let closed = try connection.mayPass("/anything?x=y")
                #expect(closed.hasPrefix("Status: 401"))
                let jar = try app.jar()
                _ = try await app.post("/login", jar: jar, form: ["user": "anna"], "-A", "agent")
                let open = try connection.mayPass("/anything?x=y", method: "POST", cookies: jar.field)
                #expect(open.hasPrefix("Status: 200 OK\r\n") && open.contains("\r\nVariable-PARANOID_USER: anna\r\n"), "\(open)")
                #expect(try connection.get("/hello") == "hello\n")
            }
            try await TestApplication.with("demo", workers: 1) { app in
                let refused = try KeptConnection(path: app.folder["app.sock"]).mayPass("/")
                #expect(refused.hasPrefix("Status: 501"))
            }
        }

        @Test("new cookie values reach the browser with a page of PHP, all of them", .timeLimit(.minutes(5)))
        func cookies() async throws {
            // A file of nginx stands for PHP: the cookies come from the gate.
            let folder = try TestFolder(isOpen: true)
            try Data("page".utf8).write(to: URL(filePath: folder["page.txt"]))
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder["page.txt"])
            let settings = ["PSESSION_NONCE_TIMEOUT": "0", "PSESSION_DELAY_BOUND": "0.001", "PSESSION_KEY_TIMEOUT": "0"]
            try await TestApplication.with("stress-server", workers: 2, settings: settings) { app in
                let shipped = try String(contentsOfFile: "\(Requirements.root)/nginx/paranoid_gate.conf", encoding: .utf8)
                let lines = shipped.split(separator: "\n").filter {
                    !$0.contains("fastcgi_pass unix") && !$0.contains("include fastcgi.conf") && !$0.contains("REMOTE_USER")
                }
                try app.configure(
                    lines.joined(separator: "\n").replacingOccurrences(
                        of: "location /php/ {",
                        with: "location /php/ { alias \(folder["."])/;"
                    )
                )
                let jar = try app.jar()
                _ = try await app.post("/login", jar: jar, form: ["user": "anna"])
                var cookies: [String] = []
                try await eventually("the gate gives new values") {
                    let page = try await app.get("/php/page.txt", jar: jar)
                    cookies = page.values("set-cookie")
                    return page.status == 200 && cookies.count >= 2
                }
                #expect(Set(cookies.map { $0.prefix { $0 != "=" } }).count == cookies.count)
                #expect(cookies.allSatisfy { $0.contains("; Secure") && $0.contains("; HttpOnly") && $0.contains("; Path=/") })
                #expect(try await app.get("/who", jar: jar).text == "anna /who")
            }
        }
    }
}
