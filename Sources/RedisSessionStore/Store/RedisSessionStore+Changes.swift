#if Redis
internal import ParanoidLinux
package import ParanoidSessions

// Changes: compared and swapped, in turn within this process and by chance between processes.
extension RedisSessionStore {
    /// What a change starts from.
    private enum Base {
        /// What this process has seen last; the node says whether that is so still.
        case remembered(SessionValue)
        /// What the node has said.
        case told(SessionValue?)

        var value: SessionValue? {
            switch self {
            case .remembered(let value): value
            case .told(let value): value
            }
        }
    }

    /// What came of a script.
    enum Outcome {
        case done
        case absent
        case changed(SessionValue)
    }

    package func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        let time = RedisClient.nanoseconds(timeout)
        let end = BootClock.now() + time
        try await self.turns.take(name, timeout: time)
        defer { self.turns.give(name) }
        // Who may try only once starts from what is there.
        // The others have their time, and the servers have theirs.
        let deadline = self.client.deadline(from: end)
        var base: Base
        if time > 0, let value = self.recent.take(name) {
            base = .remembered(value)
        } else {
            base = .told(try await self.fetch(name, by: deadline))
        }
        var conflicts = 0
        while true {
            var current = base.value
            if let value = current, try await self.control.hasEnded(value.session, by: deadline) { current = nil }
            let (change, result) = body(current?.session)
            let outcome: Outcome
            switch change {
            case .keep:
                if case .remembered(let value) = base {
                    let found = try await self.fetch(name, by: deadline)
                    guard found == value else {
                        base = .told(found)
                        continue
                    }
                }
                if let value = base.value { self.recent.note(value, of: name) }
                return result
            case .write(let session):
                guard let current else { throw SessionStoreError(.gone, message: "there is no session \(name)") }
                if session.generation != current.session.generation + 1, case .remembered = base {
                    // What follows on something else than what is remembered is judged by what is there.
                    base = .told(try await self.fetch(name, by: deadline))
                    continue
                }
                outcome = try await self.write(session, over: current, name, by: deadline)
            case .remove:
                guard let current else { return result }
                outcome = try await self.remove(current, name, by: deadline)
            }
            switch outcome {
            case .done: return result
            case .absent: base = .told(nil)
            case .changed(let value):
                // Somebody else of this process cannot have been it; who only remembered wrongly has not lost a race.
                if case .told = base { conflicts += 1 }
                base = .told(value)
                guard conflicts == 0 || BootClock.now() < end else {
                    throw SessionStoreError(.lockTimeout, message: "others are changing session \(name)")
                }
                await self.giveWay(after: conflicts)
            }
        }
    }

    /// Lets others be faster, the less the longer this one has tried.
    private func giveWay(after conflicts: Int) async {
        guard 1...6 ~= conflicts else { return }
        var random = SystemRandom()
        await self.client.pause(nanoseconds: Int64(random.next() % UInt64(6_000_000 / conflicts)))
    }

    private func write(
        _ session: StoredSession,
        over current: SessionValue,
        _ name: SessionName,
        by deadline: Int64
    ) async throws(SessionStoreError) -> Outcome {
        precondition(session.generation == current.session.generation + 1, "a change counts the generation up by 1")
        try self.checkSize(session, name)
        var listing = current.listing
        if session.userTag != current.session.userTag
            || session.userTag != nil && KeyLifetime.mustListAgain(listedUntil: listing.until, expiringAt: session.expiresAt)
        {
            listing = try await self.list(session, name, by: deadline)
        }
        let (change, writers) = self.change(of: current, generation: session.generation)
        let value = SessionValue(session, listing: listing, writers: writers)
        let command = RedisCommand(
            .commit,
            keys: [self.keys.session(name)],
            values: [current.mark, value.bytes, self.lifetime(of: session)]
        )
        let answer = try await self.answer(to: command, by: deadline, name)
        let outcome = try await self.outcome(answer, of: change, generation: session.generation, name)
        guard case .done = outcome else { return outcome }
        self.recent.note(value, of: name)
        if let tag = current.session.userTag, current.listing != listing { await self.unlist(name, tag, current.listing, by: deadline) }
        return .done
    }

    private func remove(_ current: SessionValue, _ name: SessionName, by deadline: Int64) async throws(SessionStoreError) -> Outcome {
        let command = RedisCommand(
            .remove,
            keys: [self.keys.session(name), self.keys.all(beside: name)],
            values: [current.mark, name.bytes]
        )
        let outcome = try await self.outcome(try await self.answer(to: command, by: deadline, name), of: nil, generation: 0, name)
        if case .done = outcome, let tag = current.session.userTag { await self.unlist(name, tag, current.listing, by: deadline) }
        return outcome
    }

    /// - Parameter change: The change that was to be made; `nil`: the session was to be removed.
    func outcome(
        _ answer: RedisAnswer,
        of change: RecentWriters.Change?,
        generation: UInt64,
        _ name: SessionName
    ) async throws(SessionStoreError) -> Outcome {
        switch answer.reply {
        case .integer(1): return .done
        case .null where answer.mayHaveHappenedBefore && change == nil: return .done
        case .null: return .absent
        case .bytes:
            if let change, try await self.wasMade(change, generation: generation, answer, name) { return .done }
            guard let value = try await self.value(from: answer.reply, name) else { return .absent }
            return .changed(value)
        default: throw SessionStoreError(answer, "changing session \(name)")
        }
    }

    /// Takes a name from the list of a user's sessions; one that stays does no harm.
    func unlist(_ name: SessionName, _ tag: UserTag, _ listing: SessionValue.Listing, by deadline: Int64? = nil) async {
        let command = RedisCommand("SREM", key: self.keys.sessions(of: tag), [listing.entry(of: name)])
        _ = try? await self.client.send(command, by: deadline)
    }
}
#endif
