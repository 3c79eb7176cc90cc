internal import ParanoidLinux
internal import ParanoidFastCGITesting

/// The whole server, from nginx to the session files: `trace-server`, which takes the time from each request.
struct NginxServer: SimulatedServer {
    private let connection: HTTPConnection
    /// A moment of its own for each session, so that times only go forward for the server, too.
    private let start: Double
    private(set) var hasEnded = false

    init(_ connection: HTTPConnection, start: Double) {
        self.connection = connection
        self.start = start
    }

    mutating func begin(at now: Double) -> [String: String] {
        let answer = self.ask("write&req=1", jar: [:], at: now)
        guard answer.status == 200, !answer.cookies.isEmpty else { ProcessExit.fail("theft-simulator: no session: \(answer)", code: 1) }
        return Self.jar(answer)
    }

    mutating func show(_ jar: [String: String], at now: Double) -> (isAccepted: Bool, sets: [String: String]?) {
        // Some handlers change something, which grows with every change; those that do not are no less checked.
        let changes = Int(now * 1000) % 40 == 0
        let answer = self.ask(changes ? "write&req=2" : "read", jar: jar, at: now)
        guard answer.status == 200 else { ProcessExit.fail("theft-simulator: \(answer)", code: 1) }
        if answer.body.contains(#""detail":"reuse""#) {
            self.hasEnded = true
            return (false, nil)
        }
        let sets = Self.jar(answer)
        return (answer.body.contains(#""verdict":"accepted""#), sets.isEmpty ? nil : sets)
    }

    static func take(_ set: [String: String], into jar: [String: String]) -> [String: String] {
        jar.merging(set) { $1 }.filter { !$0.value.isEmpty }
    }

    private static func jar(_ answer: HTTPConnection.Answer) -> [String: String] {
        Dictionary(answer.cookies.map { ($0.name, $0.value) }) { $1 }
    }

    /// Whoever moves about is in another network every few minutes, and in one of several again.
    private static func address(at now: Double) -> String { "198.51.\(100 + Int(now / 170) % 9).\(Int(now) % 250)" }

    private func ask(_ action: String, jar: [String: String], at now: Double) -> HTTPConnection.Answer {
        var fields = [
            ("X-Test-Now", "\(self.start + now)"), ("X-Test-Secure", "1"), ("X-Test-Remote-Addr", Self.address(at: now)),
            ("User-Agent", "theft-simulator"),
        ]
        if !jar.isEmpty { fields.append(("Cookie", jar.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; "))) }
        do {
            return try self.connection.get("/checked?action=\(action)", fields: fields)
        } catch {
            ProcessExit.fail("theft-simulator: \(error)", code: 1)
        }
    }
}
