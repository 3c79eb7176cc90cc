internal import ParanoidHTTP
internal import Logging

// What the application, the log and the counters are told.
extension SessionExchange {
    func report(_ visit: SessionVisit) {
        guard let reason = visit.reason else { return }
        self.tell(reason == .reuse ? .reuse : .refused, visit)
        self.context.configuration.onRejection(self.request, reason)
    }

    func noteGuess(_ visit: SessionVisit) {
        guard let count = self.context.noteGuess(from: self.request.clientAddress, at: visit.arrivedAt) else { return }
        self.tell(.guessing, visit, count: count)
    }

    func tell(_ kind: SessionEvent.Kind, _ visit: SessionVisit, user: String? = nil, count: Int = 1) {
        let identifier = visit.identifier ?? visit.withheld?.identifier ?? visit.claim.identifier
        self.context.events.tell(
            kind,
            of: self.request,
            at: self.now,
            keys: identifier.flatMap { self.context.repository.keys(of: $0) } ?? self.context.repository.newestKeys,
            identifier: identifier,
            reason: visit.reason,
            user: user ?? visit.record?.user?.name ?? visit.withheld?.challenge.user,
            signals: visit.signals?.changes.map(\.name) ?? visit.withheld?.challenge.signals ?? [],
            count: count
        )
    }

    /// Tells what a commit has done.
    func tellOutcome(of before: SessionVisit, _ after: SessionVisit?) {
        guard let after else { return }
        if after.reason == .reuse && before.reason != .reuse { self.report(after) }
        guard let identifier = after.identifier else { return }
        switch before.identifier {
        case nil: self.tell(.created, after)
        case let old? where old != identifier:
            self.tell(.rotated, after)
            if before.hastensRotation { self.tell(.changed, after) }
        default: break
        }
        if case .some(.some) = before.edits.user { self.tell(.login, after) }
    }
}
