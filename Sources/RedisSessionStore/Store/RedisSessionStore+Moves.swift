#if Redis
package import ParanoidSessions

// What it takes to move sessions to Redis or from it.
extension RedisSessionStore: MovableSessionStore {
    package func numbers() async throws(SessionStoreError) -> SessionStoreNumbers? { try await self.control.stored() }

    package func raise(to numbers: SessionStoreNumbers) async throws(SessionStoreError) { try await self.control.raise(to: numbers) }

    /// The server refuses a command that it gets late, so that nothing is added when the caller has given up.
    package func adopt(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) -> Bool {
        try self.checkSize(session, name)
        let key = self.keys.session(name)
        let reply = try await self.answer(to: RedisCommand(.time, keys: [key]), name).reply
        guard let time = reply.number else { throw SessionStoreError(reply, "asking for the time") }
        let limit = time + UInt64(RedisClient.nanoseconds(self.configuration.address.timeout) / 1000)
        let (change, writers) = self.change(of: nil, generation: session.generation)
        let value = SessionValue(session, listing: try await self.list(session, name), writers: writers)
        let bytes = value.bytes
        let command = RedisCommand(
            .adopt,
            keys: [key, self.keys.all(beside: name)],
            values: [bytes, self.lifetime(of: session), name.bytes, Array(String(limit).utf8)]
        )
        let answer = try await self.answer(to: command, name)
        switch answer.reply {
        case .integer(1):
            if session.state == .live, session.userTag == nil { self.anonymous?.add(1) }
            return true
        case .integer(0): throw SessionStoreError(.unavailable, message: "moving session \(name) took too long")
        case .bytes where try await self.wasMade(change, generation: session.generation, answer, name): return true
        case .bytes, .null: return false
        default: throw SessionStoreError(answer.reply, "moving session \(name)")
        }
    }

    package var partCount: Int { RedisKeys.shardCount }

    package func names(inPart part: Int) async throws(SessionStoreError) -> [SessionName] {
        let reply = try await self.replies([RedisCommand("ZRANGE", key: self.keys.all(ofShard: part), [Array("0".utf8), Array("-1".utf8)])]
        )[0]
        guard let elements = reply.elements else { throw SessionStoreError(reply, "listing sessions") }
        return elements.compactMap { $0.bytes.flatMap { SessionName(bytes: $0) } }
    }
}
#endif
