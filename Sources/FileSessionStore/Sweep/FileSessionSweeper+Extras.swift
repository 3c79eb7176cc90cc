internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

// What the sweeper does beside the sessions: the index of users, and what was moved aside.
extension FileSessionSweeper {
    func listIndex(shard: Int, in store: FileSessionStore) throws(SessionStoreError) -> [String] {
        try self.entries(of: "\(SessionUserIndex.directory)/\(SessionUserIndex.shards[shard])", in: store)
    }

    func entries(of path: String, in store: FileSessionStore) throws(SessionStoreError) -> [String] {
        do {
            return try SessionUserIndex.entries(of: path, in: store.directory.root)
        } catch {
            if case .system(let cause, _) = error { throw SessionStoreError(cause, "listing \(path)") }
            store.logger.error("a part of the session directory was refused", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Takes an index entry away whose session is gone: somebody died between the two.
    func visitIndexEntry(
        _ entry: String,
        shard: Int,
        in store: FileSessionStore,
        _ report: inout SweepReport
    ) throws(SessionStoreError) {
        guard let (tag, name) = SessionUserIndex.parse(entry) else { return }
        let path = "\(SessionUserIndex.directory)/\(SessionUserIndex.shards[shard])/\(entry)"
        do throws(SystemCallError) {
            // A fresh one may belong to a session that is being made.
            guard let status = try store.directory.root.status(of: path), self.age(of: status) > Self.leftoverAge,
                try !self.carries(tag, name, in: store)
            else { return }
            try store.directory.root.removeFile(path)
            report.leftovers += 1
        } catch {
            throw SessionStoreError(error, "sweeping the index of users")
        }
    }

    private func carries(_ tag: Substring, _ name: SessionName, in store: FileSessionStore) throws(SystemCallError) -> Bool {
        let file: SessionFile?
        do { file = try store.directory.open(name) } catch { return true }
        guard let file else { return false }
        switch try file.load() {
        case .session(let session, _): return SessionUserIndex.digits(of: session.userTag) == tag
        case .removed: return false
        case .unfinished, .unreadable, .foreign: return true
        }
    }

    func visitDamaged(_ file: String, in store: FileSessionStore, _ report: inout SweepReport) throws(SessionStoreError) {
        let path = "\(SessionDirectory.damaged)/\(file)"
        do throws(SystemCallError) {
            guard let status = try store.directory.root.status(of: path), status.kind != .directory,
                self.age(of: status) > store.configuration.damagedLifetime.wholeNanoseconds
            else { return }
            try store.directory.root.removeFile(path)
            report.leftovers += 1
        } catch {
            throw SessionStoreError(error, "sweeping damaged files")
        }
    }

    // MARK: Making the index anew

    /// Adds all sessions that carry a tag to the index of users, while they are in use.
    ///
    /// - Returns: How many were missing.
    func reindex(_ store: FileSessionStore) async throws(SessionStoreError) -> Int {
        var added = 0
        var seen = 0
        for shard in SessionDirectory.shards {
            for file in try self.entries(of: shard, in: store) {
                guard let name = SessionDirectory.name(ofFile: file) else { continue }
                do {
                    if try self.reindex(name, in: store) { added += 1 }
                } catch let error as SystemCallError {
                    throw SessionStoreError(error, "indexing session \(name)")
                } catch let error as SessionStoreError {
                    store.logRefusal(error, name)
                } catch {
                    throw SessionStoreError(.unavailable, message: "indexing session \(name) failed", cause: error)
                }
                seen += 1
                if seen % Self.stride == 0 { await Task.yield() }
            }
        }
        return added
    }

    private func reindex(_ name: SessionName, in store: FileSessionStore) throws -> Bool {
        guard let file = try store.directory.open(name), case .session(let session, _) = try file.load(), !session.userTag.isEmpty
        else { return false }
        return try store.userIndex.add(session.userTag, name, in: store.directory.root)
    }
}
