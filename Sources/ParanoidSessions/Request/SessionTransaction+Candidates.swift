internal import ParanoidHTTP
internal import Logging

// Which of several session cookies is the client's: of several logins, and of several values of one cookie.
extension SessionTransaction {
    /// Where one of several logins stands whose cookies a request shows.
    private enum Rank: Comparable {
        case absent
        case gone
        case visitor(Timestamp)
        case user(Timestamp)
    }

    /// What a request shows of the newest login among those whose cookies it shows: an answer from before it may have come last.
    private func newestLogin(of shown: PresentedCredentials, at now: Timestamp) async throws(SessionStoreError) -> PresentedCredentials {
        guard var candidates = shown.candidates, !candidates.others.isEmpty else { return shown }
        let others = candidates.others
        candidates.others = []
        var newest = shown
        newest.candidates = candidates.isAmbiguous ? candidates : nil
        var highest = try await self.rank(of: newest, at: now)
        for other in others {
            let rank = try await self.rank(of: other, at: now)
            if rank > highest { (newest, highest) = (other, rank) }
        }
        return newest
    }

    private func rank(of credentials: PresentedCredentials, at now: Timestamp) async throws(SessionStoreError) -> Rank {
        let identifiers = credentials.candidates?.identifiers ?? credentials.identifier.map { [$0] } ?? []
        var highest = Rank.absent
        for identifier in identifiers.prefix(SessionCandidates.maximumCount) {
            var isGone = false
            let found = try await self.look(identifier, at: now) { end in
                if case .gone = end { isGone = true }
            }
            let record = found?.record
            let rank: Rank? = record.map { $0.user.map { .user($0.authenticatedAt) } ?? .visitor($0.createdAt) }
            highest = max(highest, rank ?? (isGone ? .gone : .absent))
        }
        return highest
    }

    /// The credentials themselves, or, where cookies come with several values, those that the guard would accept, if they are one choice.
    ///
    /// - Returns: `nil` where they are not, though sessions are among them: none of them is opened, and none ends.
    func chosen(_ shown: PresentedCredentials, at now: Timestamp) async throws(SessionStoreError) -> PresentedCredentials? {
        if self.isBarred(shown) { return shown }
        let credentials = try await self.newestLogin(of: shown, at: now)
        guard let candidates = credentials.candidates else { return credentials }
        let (accepted, isAnyThere) = try await self.accepted(of: candidates, credentials, at: now)
        if candidates.areAll {
            self.request.logger.notice(
                "a session cookie came with several values",
                metadata: [
                    "session.candidates": .stringConvertible(candidates.identifiers.count),
                    "session.accepted": .stringConvertible(accepted.count),
                ]
            )
        }
        // Of several identifiers of one session, its own: cookies of another path or domain are left from before a setting was changed.
        if let first = accepted.first, accepted.allSatisfy({ $0.session == first.session }) {
            return (accepted.first { $0.choice.identifier == $0.session } ?? first).choice
        }
        return isAnyThere && self.settings.behaviour.hasRotationChains ? nil : credentials
    }

    /// A choice among several values that the guard would accept, and the session that it leads to.
    private struct Accepted {
        var choice: PresentedCredentials
        var session: SessionIdentifier
    }

    /// - Returns: The choices, and whether sessions are, or may be, among the candidates.
    private func accepted(
        of candidates: SessionCandidates,
        _ credentials: PresentedCredentials,
        at now: Timestamp
    ) async throws(SessionStoreError) -> (choices: [Accepted], isAnyThere: Bool) {
        var choices: [Accepted] = []
        var isAnyThere = !candidates.areAll || candidates.identifiers.count > SessionCandidates.maximumCount
        for identifier in candidates.identifiers.prefix(SessionCandidates.maximumCount) {
            guard let opened = try await self.look(identifier, at: now), let keys = self.context.repository.keys(of: identifier) else {
                continue
            }
            isAnyThere = true
            let choice = candidates.credentials(credentials, for: identifier, record: opened.record, keys: keys)
            if case .accept = self.context.sessionGuard.decide(choice, on: opened.record, keys: keys, at: now, isCut: self.arrival.isCut) {
                choices.append(Accepted(choice: choice, session: opened.identifier))
            }
        }
        return (choices, isAnyThere)
    }

    /// Ends all sessions that a request shows whole, where it shows several and none of them was opened: whoever logs out means what the browser
    /// has, whichever it is.
    func endCandidates(of shown: PresentedCredentials) async throws(SessionStoreError) {
        let now = self.arrival.time
        if self.isBarred(shown) { return }
        let credentials = try await self.newestLogin(of: shown, at: now)
        guard let candidates = credentials.candidates else { return }
        for accepted in try await self.accepted(of: candidates, credentials, at: now).choices { try await self.end(accepted.session) }
    }
}
