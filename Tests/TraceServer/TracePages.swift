import ParanoidFastCGI

/// What the traces' requests do.
struct TracePages: Sendable {
    private struct Answer: Encodable {
        var verdict: String
        var detail: String?
        var sees: [Int]?
    }

    let dataKey: SessionKey<[Int]>
    let held: HeldRequests
    let clock: TraceClock

    /// Does the action of a request, waits if it is to be held, and says what the guard made of it and what the session held.
    func visit(_ request: Request) async throws -> Response {
        let number = request.query.first(named: "req") ?? ""
        let action = request.query.first(named: "action") ?? "none"
        let session = request.session
        var sees: [Int]?
        switch action {
        case "none": break
        case "logout": try await session.logOut()
        default:
            sees = try await session.value(self.dataKey) ?? []
            if action != "read", let mark = Int(number) {
                try await session.merge(self.dataKey, default: []) { $0.append(mark) }
            }
            if action.hasPrefix("expire:") { try await session.setLifetime(SessionLifetime(recordedSeconds: Int64(action.dropFirst(7)))) }
        }
        var answer = Answer(verdict: GuardVerdict.unchecked.rawValue, detail: nil, sees: sees)
        // An unchecked request that asks nothing of its session must leave it alone.
        if request.path == "/checked" || action != "none" {
            answer.verdict = try await session.guardVerdict.rawValue
            answer.detail = try await session.guardReason?.rawValue
        }
        var status = request.query.first(named: "status").flatMap(Int.init)
        if request.query.first(named: "hold") == "1" { status = await self.held.hold(number) ?? status }
        return try Response.json(answer, status: HTTPResponse.Status(code: status ?? 200))
    }

    func release(_ request: Request) -> String {
        let number = request.query.first(named: "req") ?? ""
        self.clock.release(number, as: request)
        self.held.release(number, status: request.query.first(named: "status").flatMap(Int.init))
        return "released\n"
    }
}
