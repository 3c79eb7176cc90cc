#if Redis
package import ParanoidSessions
internal import Synchronization

/// Where a sweep goes on.
struct SweepPlace: Sendable {
    var shard = 0
    /// How many names of the shard were looked at and are there still.
    var offset = 0
    /// Anonymous sessions found since the first shard, and how many had been made by then; `nil` at the beginning, and without a limit of them.
    var anonymous: (found: Int, madeBefore: UInt64)?
}

// The sweep goes through the lists of names, shard by shard. Redis itself removes what has expired, a little later.
extension RedisSessionStore {
    /// How many questions are sent together.
    private static let batch = 128

    package func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        var report = SweepReport()
        var place = self.cursor.withLock { $0 }
        if let anonymous, place.anonymous == nil { place.anonymous = (0, try await anonymous.made()) }
        while report.examined < budget {
            let names = try await self.names(at: &place, atMost: min(budget - report.examined, Self.batch))
            if names.isEmpty {
                report.isComplete = true
                if let found = place.anonymous { try await self.anonymous?.note(found: found.found, madeBefore: found.madeBefore) }
                place = SweepPlace()
                break
            }
            let before = report.anonymous
            let stays = try await self.sweep(names, expiredAt: now, &report)
            place.anonymous?.found += report.anonymous - before
            place.offset += stays
        }
        self.cursor.withLock { $0 = place }
        return report
    }

    /// The next names of a shard, the first shard that has some; none at the end of all shards.
    private func names(at place: inout SweepPlace, atMost limit: Int) async throws(SessionStoreError) -> [SessionName] {
        while place.shard < RedisKeys.shardCount {
            let range = [place.offset, place.offset + limit - 1].map { Array(String($0).utf8) }
            let reply = try await self.replies([RedisCommand("ZRANGE", key: self.keys.all(ofShard: place.shard), range)])[0]
            guard let elements = reply.elements else { throw SessionStoreError(reply, "sweeping") }
            let names = elements.compactMap { $0.bytes.flatMap { SessionName(bytes: $0) } }
            if !names.isEmpty { return names }
            place.offset = 0
            place.shard = try await self.shardWithNames(from: place.shard + 1)
        }
        return []
    }

    private func shardWithNames(from first: Int) async throws(SessionStoreError) -> Int {
        var shard = first
        while shard < RedisKeys.shardCount {
            let shards = shard..<min(shard + Self.batch, RedisKeys.shardCount)
            let replies = try await self.replies(shards.map { RedisCommand("ZCARD", key: self.keys.all(ofShard: $0), []) })
            for (index, reply) in replies.enumerated() {
                guard let count = reply.number else { throw SessionStoreError(reply, "sweeping") }
                if count > 0 { return shard + index }
            }
            shard = shards.upperBound
        }
        return shard
    }

    func replies(_ commands: [RedisCommand]) async throws(SessionStoreError) -> [RedisReply] {
        do throws(RedisFailure) {
            return try await self.client.send(commands)
        } catch {
            throw SessionStoreError(error, "sweeping")
        }
    }

    /// Looks at sessions.
    ///
    /// - Returns: How many names stay.
    private func sweep(
        _ names: [SessionName],
        expiredAt now: Timestamp,
        _ report: inout SweepReport
    ) async throws(SessionStoreError) -> Int {
        var stays = 0
        // The heads say all that matters for those that stay.
        let range = [0, StoredSession.headByteCount - 1].map { Array(String($0).utf8) }
        let replies = try await self.replies(names.map { RedisCommand("GETRANGE", key: self.keys.session($0), range) })
        for (name, reply) in zip(names, replies) {
            report.examined += 1
            guard let bytes = reply.bytes else { throw SessionStoreError(reply, "sweeping") }
            if bytes.isEmpty {
                // Its time in Redis was over.
                try await self.forget(name, [])
                report.removed += 1
                continue
            }
            guard let head = unsafe bytes.withUnsafeBytes({ unsafe StoredSession.decodeHead($0)?.head }) else {
                stays += 1
                continue
            }
            if try await self.isOver(head, expiredAt: now), try await self.removeIfOver(name, expiredAt: now) {
                report.removed += 1
                continue
            }
            stays += 1
            guard head.state == .live else { continue }
            report.live += 1
            if head.userTag == nil { report.anonymous += 1 }
        }
        return stays
    }

    private func isOver(_ session: StoredSession, expiredAt now: Timestamp) async throws(SessionStoreError) -> Bool {
        if session.expiresAt <= now { return true }
        return try await self.control.hasEnded(session)
    }

    /// Removes a session that is over still when it is looked at as a whole.
    ///
    /// - Returns: Whether it is gone.
    private func removeIfOver(_ name: SessionName, expiredAt now: Timestamp) async throws(SessionStoreError) -> Bool {
        let reply = try await self.replies([RedisCommand("GET", key: self.keys.session(name))])[0]
        guard reply != .null else {
            try await self.forget(name, [])
            return true
        }
        guard let bytes = reply.bytes else { throw SessionStoreError(reply, "sweeping") }
        guard let value = try? SessionValue(bytes), try await self.isOver(value.session, expiredAt: now) else { return false }
        try await self.forget(name, value.mark)
        if let tag = value.session.userTag { await self.unlist(name, tag, value.listing) }
        return true
    }

    /// Removes a session that is as it was, and its name from the list.
    private func forget(_ name: SessionName, _ mark: [UInt8]) async throws(SessionStoreError) {
        _ = try await self.replies([
            RedisCommand(.remove, keys: [self.keys.session(name), self.keys.all(beside: name)], values: [mark, name.bytes])
        ])
    }

    package func reindex() async throws(SessionStoreError) -> Int {
        var missing = 0
        var place = SweepPlace()
        while true {
            let names = try await self.names(at: &place, atMost: Self.batch)
            guard !names.isEmpty else { return missing }
            place.offset += names.count
            let replies = try await self.replies(names.map { RedisCommand("GET", key: self.keys.session($0)) })
            for (name, reply) in zip(names, replies) {
                guard let bytes = reply.bytes, let value = try? SessionValue(bytes), let tag = value.session.userTag else { continue }
                let time = KeyLifetime.ofList(expiringAt: value.session.expiresAt, now: self.now)
                let added = try await self.replies([
                    RedisCommand(
                        .index,
                        keys: [self.keys.sessions(of: tag)],
                        values: [value.listing.entry(of: name), Array(String(time).utf8)]
                    )
                ])[0]
                guard case .integer(let count) = added else { throw SessionStoreError(added, "listing session \(name)") }
                missing += Int(count)
            }
        }
    }
}
#endif
