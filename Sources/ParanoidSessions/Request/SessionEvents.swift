internal import ParanoidHTTP
internal import Logging

/// Tells what happens to sessions: the application, the request's log, and the counters.
struct SessionEvents: Sendable {
    let configuration: SessionSettings
    let statistics: SessionStatistics

    func tell(
        _ kind: SessionEvent.Kind,
        of request: Request,
        at now: Timestamp,
        keys: ServerKeys,
        handle: SessionHandle? = nil,
        reason: GuardReason? = nil,
        user: String? = nil,
        signals: [String] = [],
        count: Int = 1
    ) {
        self.statistics.count(kind)
        let event = SessionEvent(
            kind: kind,
            reason: reason,
            time: now,
            handle: handle,
            user: user,
            client: request.clientAddress,
            signals: signals,
            count: count,
            request: request.tag
        )
        self.log(event, request, keys)
        self.configuration.onEvent(event)
    }

    /// Keyed hashes instead of names, addresses and identifiers: a log is read by many.
    private func log(_ event: SessionEvent, _ request: Request, _ keys: ServerKeys) {
        let level = Self.level(of: event.kind)
        guard request.logs(level) else { return }
        var metadata: Logger.Metadata = ["session.event": "\(event.kind.rawValue)"]
        if let reason = event.reason { metadata["session.reason"] = "\(reason.rawValue)" }
        if let handle = event.handle { metadata["session.handle"] = "\(handle)" }
        if let user = event.user { metadata["session.user"] = "\(keys.logTag(of: Array(user.utf8)))" }
        metadata["session.client"] = "\(keys.logTag(of: Array(event.client.utf8)))"
        if !event.signals.isEmpty { metadata["session.signals"] = "\(event.signals.joined(separator: ","))" }
        if event.count != 1 { metadata["session.count"] = .stringConvertible(event.count) }
        request.logger.log(level: level, "\(Self.text(of: event.kind))", metadata: metadata)
    }

    private static func level(of kind: SessionEvent.Kind) -> Logger.Level {
        switch kind {
        case .created, .rotated, .released, .expired: .debug
        case .login, .logout, .revoked, .changed: .info
        case .refused, .challenged, .limit: .notice
        case .reuse, .tokenReuse, .guessing: .warning
        }
    }

    private static func text(of kind: SessionEvent.Kind) -> String {
        switch kind {
        case .created: "session began"
        case .rotated: "session has a new identifier"
        case .refused: "session refused"
        case .reuse:
            "an old value of a session's cookies was shown: they were copied, or set back; the session has ended, or waits for its user"
        case .changed: "a session's client has changed"
        case .challenged: "session withheld"
        case .released: "session released"
        case .login: "user logged in"
        case .logout: "user logged out"
        case .revoked: "sessions revoked"
        case .expired: "session has expired"
        case .limit: "too many sessions of one user"
        case .tokenReuse: "an old token to be remembered by was shown: it was copied, or set back; all sessions of its user end"
        case .guessing: "many unknown sessions from one network"
        }
    }
}

// What the application, the log and the counters are told.
extension SessionTransaction {
    func report(_ state: TransactionState) {
        guard let reason = state.reason else { return }
        self.tell(reason == .reuse ? .reuse : .refused, state)
        self.context.configuration.onRejection(self.request(for: .hook), reason)
    }

    func noteGuess(_ state: TransactionState) {
        guard let count = self.context.noteGuess(from: self.request.clientAddress, at: state.arrivedAt) else { return }
        self.tell(.guessing, state, count: count)
    }

    func tell(
        _ kind: SessionEvent.Kind,
        _ state: TransactionState,
        handle: SessionHandle? = nil,
        user: String? = nil,
        signals: [String]? = nil,
        count: Int = 1
    ) {
        let identifier = state.session?.identifier ?? state.withheld?.session.identifier ?? state.credentials.identifier
        self.context.events.tell(
            kind,
            of: self.request,
            at: self.now,
            keys: identifier.flatMap { self.context.repository.keys(of: $0) } ?? self.context.repository.newestKeys,
            handle: handle ?? (state.session ?? state.withheld?.session)?.record.origin?.handle,
            reason: state.reason,
            user: user ?? state.session?.record.user?.name ?? state.withheld?.challenge.user,
            signals: signals ?? state.signals?.changes.map(\.name) ?? state.withheld?.challenge.signals ?? [],
            count: count
        )
    }

    /// Tells what a commit has done.
    func tellOutcome(of before: TransactionState, _ after: TransactionState, found: [String]) {
        guard let identifier = after.session?.identifier else { return }
        switch before.session?.identifier {
        case nil: self.tell(.created, after)
        case let old? where old != identifier:
            self.tell(.rotated, after)
        default: break
        }
        if !found.isEmpty { self.tell(.changed, after, signals: found) }
        if before.edits.user != nil { self.tell(.login, after) }
    }
}
