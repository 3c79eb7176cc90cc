internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

// What there is beside the sessions: the index of users, the numbers of ended logins, and what was moved aside.
extension FileSessionSweeper {
    func entries(of path: String) throws(SessionStoreError) -> [String] {
        do {
            return try SessionUserIndex.entries(of: path, in: self.files.directory.root)
        } catch {
            if case .system(let cause, _) = error { throw SessionStoreError(cause, "listing \(path)") }
            self.files.logger.error("a part of the session directory was refused", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Takes an index entry away whose session is gone: somebody died between the two.
    func visitIndexEntry(
        _ entry: borrowing DirectoryReader,
        shard: String,
        _ report: inout SweepReport
    ) throws(SessionStoreError) {
        guard let text = entry.nameText, let (tag, name) = SessionUserIndex.parse(text) else { return }
        do throws(SystemCallError) {
            // A fresh one may belong to a session that is being made.
            guard let status = try entry.status(), self.age(of: status) > Self.leftoverAge, try !self.carries(tag, name) else { return }
            try self.files.directory.root.removeFile("\(SessionUserIndex.directory)/\(shard)/\(text)")
            report.leftovers += 1
        } catch {
            throw SessionStoreError(error, "sweeping the index of users")
        }
    }

    private func carries(_ tag: Substring, _ name: SessionName) throws(SystemCallError) -> Bool {
        let file: SessionFile?
        do { file = try self.files.directory.open(name) } catch { return true }
        guard let file else { return false }
        switch try file.load() {
        case .session(let session, _): return session.userTag.map { $0.hexadecimal == tag } ?? false
        case .removed: return false
        case .unfinished, .unreadable, .foreign: return true
        }
    }

    /// Removes what was moved aside long ago, and the number of a user whose ended sessions earlier sweeps have removed.
    func visitOld(
        _ entry: borrowing DirectoryReader,
        _ directory: String,
        _ report: inout SweepReport
    ) throws(SessionStoreError) {
        guard let text = entry.nameText else { return }
        do throws(SystemCallError) {
            // What was moved aside may carry a note, which is in the future.
            guard let status = try entry.status(), status.kind != .directory,
                WallClock.nanosecondsSinceEpoch() - min(status.modifiedAt, status.changedAt)
                    > self.files.configuration.damagedLifetime.wholeNanoseconds
            else { return }
            try self.files.directory.root.removeFile("\(directory)/\(text)")
            report.leftovers += 1
        } catch {
            throw SessionStoreError(error, "sweeping \(directory)/\(text)")
        }
    }

    // MARK: Making the index anew

    /// Adds all sessions that carry a tag to the index of users, while they are in use.
    ///
    /// - Returns: How many were missing.
    func reindex() async throws(SessionStoreError) -> Int {
        var added = 0
        var seen = 0
        for shard in SessionDirectory.shards {
            for file in try self.entries(of: shard) {
                guard let name = SessionDirectory.name(ofFile: file) else { continue }
                do {
                    if try self.reindex(name) { added += 1 }
                } catch let error as SystemCallError {
                    throw SessionStoreError(error, "indexing session \(name)")
                } catch let error as SessionStoreError {
                    self.files.logRefusal(error, name)
                } catch {
                    throw SessionStoreError(.unavailable, message: "indexing session \(name) failed", cause: error)
                }
                seen += 1
                if seen % Self.stride == 0 { await Task.yield() }
            }
        }
        return added
    }

    private func reindex(_ name: SessionName) throws -> Bool {
        guard let file = try self.files.directory.open(name), case .session(let session, _) = try file.load(),
            let tag = session.userTag
        else { return false }
        return try self.files.userIndex.add(tag, name, in: self.files.directory.root)
    }
}
