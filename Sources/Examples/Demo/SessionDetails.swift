import ParanoidFastCGI

/// What the page shows live: the report, and how old and how durable the session's secrets are.
struct SessionDetails: Encodable {
    var report: SessionReport
    var nonceAgeMilliseconds: Int?
    var expiresAtUnixSeconds: Int?
    var isSecure: Bool
    var process: Int

    static func peek(at request: Request) async throws -> SessionDetails {
        let session = request.session
        return try await SessionDetails(
            report: .peek(at: session),
            nonceAgeMilliseconds: session.nonceAge.map { Int($0 / .milliseconds(1)) },
            expiresAtUnixSeconds: session.expiry.map { Int($0.nanosecondsSinceEpoch / 1_000_000_000) },
            isSecure: request.isSecure,
            process: WorkerReport.current.pid
        )
    }
}
