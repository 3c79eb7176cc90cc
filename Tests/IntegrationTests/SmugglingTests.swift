import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Request smuggling")
    struct Smuggling {
        /// FastCGI records that plain libfcgi would take for requests if it threw a half-read body away and went on behind it.
        private static func record(_ type: UInt8, _ content: [UInt8] = []) -> [UInt8] {
            [1, type, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 0xff), 0, 0] + content
        }

        private static func parameter(_ name: String, _ value: String) -> [UInt8] {
            [UInt8(name.utf8.count), UInt8(value.utf8.count)] + Array(name.utf8) + Array(value.utf8)
        }

        private static let forged: [UInt8] =
            record(1, [0, 1, 1, 0, 0, 0, 0, 0])
            + record(
                4,
                parameter("SCRIPT_NAME", "/params") + parameter("REQUEST_URI", "/params") + parameter("REQUEST_METHOD", "GET")
                    + parameter("REMOTE_USER", "smuggled")
            ) + record(4) + record(5)

        @Test("through bodies that no handler reads: nobody gets an answer to the forged request", .timeLimit(.minutes(5)))
        func unreadBodies() async throws {
            try await TestApplication.with(workers: 1, threads: 2) { app in
                // Empty records of another request, so that any point at which reading might go on leads to the forged one.
                let sled: [UInt8] = [1, 5, 0, 9, 0, 0, 0, 0]
                for path in ["/hello", "/logout", "/rotate", "/error", "/echo", "/no-such-page", "/login"] {
                    for shift in 0..<8 {
                        var body = [UInt8](repeating: 65, count: shift)
                        for _ in 0..<1_150 { body += sled }
                        body += [1, 5, 0, 9, 0, 8, 0, 0] + [UInt8](repeating: 90, count: 8) + Self.forged
                        body += [UInt8](repeating: 66, count: 1_000)

                        let answer = try StreamClient.ask(
                            port: app.port,
                            ["POST \(path) HTTP/1.1", "Host: localhost", "Content-Length: \(body.count)"],
                            body: body
                        )
                        #expect(answer.hasPrefix("HTTP/1.1 ") && !answer.hasPrefix("HTTP/1.1 502"), "\(path): \(answer.prefix(40))")
                        // The echo holds the forged bytes as a body; what must not appear is an answer made from them.
                        #expect(!answer.contains("\"REMOTE_USER\""), "\(path) +\(shift)")
                        let victim = try StreamClient.ask(port: app.port, ["GET /hello HTTP/1.1", "Host: localhost"])
                        #expect(victim.hasPrefix("HTTP/1.1 200") && victim.hasSuffix("hello\n"), "\(path) +\(shift): \(victim.prefix(200))")
                    }
                }
            }
        }
    }
}
