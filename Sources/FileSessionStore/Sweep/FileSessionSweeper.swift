internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions
internal import Synchronization

/// Walks through a store shard by shard and removes what is over; goes on where it stopped.
///
/// After the sessions come the index of users, the numbers of ended logins and the files that were moved aside.
final class FileSessionSweeper: Sendable {
    /// After how many nanoseconds a file that was never completed counts as the leftover of a crash.
    static let leftoverAge: Int64 = 60_000_000_000
    /// After how many nanoseconds without change an empty shard is removed.
    private static let emptyShardAge: Int64 = 3_600_000_000_000
    /// After how many entries other tasks get the thread.
    private static let stride = 32

    /// What is over at a sweep.
    private struct Limit {
        let now: Timestamp
        let files: SessionFiles

        func isPassed(by session: StoredSession) -> Bool {
            // Where the numbers cannot be read, those who use the session look again.
            session.expiresAt <= self.now || (try? self.files.hasEnded(session)) == true
        }
    }

    /// A directory to be looked at.
    private enum Place: Sendable {
        case sessions(shard: Int)
        case users(shard: Int)
        case epochs(shard: Int)
        case damaged

        /// The place that follows; `nil` after the last.
        var next: Place? {
            switch self {
            case .sessions(let shard):
                shard + 1 < SessionDirectory.shards.count ? .sessions(shard: shard + 1) : .users(shard: 0)
            case .users(let shard):
                shard + 1 < SessionUserIndex.shards.count ? .users(shard: shard + 1) : .epochs(shard: 0)
            case .epochs(let shard): shard + 1 < SessionLoginEpochs.shards.count ? .epochs(shard: shard + 1) : .damaged
            case .damaged: nil
            }
        }
    }

    /// Where the next sweep goes on.
    private struct Cursor {
        var place = Place.sessions(shard: 0)
        var isListed = false
        var files: [String] = []
        var anonymous = 0
        var madeBefore: UInt64 = 0
    }

    private let files: SessionFiles
    /// `nil` while somebody sweeps.
    private let cursor = Mutex<Cursor?>(Cursor())

    init(_ files: SessionFiles) {
        self.files = files
    }

    /// Looks at `budget` entries at most; does nothing while another sweep of this process runs.
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        var report = SweepReport()
        let limit = Limit(now: now, files: self.files)
        guard var cursor = self.cursor.withLock({ $0.take() }) else { return report }
        defer { self.cursor.withLock { $0 = cursor } }
        while report.examined < budget && !Task.isCancelled {
            if let file = cursor.files.popLast() {
                let anonymous = report.anonymous
                guard try self.visit(file, in: cursor.place, past: limit, &report) else { continue }
                cursor.anonymous += report.anonymous - anonymous
                report.examined += 1
                if report.examined % Self.stride == 0 { await Task.yield() }
            } else if !cursor.isListed {
                if case .sessions(shard: 0) = cursor.place {
                    cursor.anonymous = 0
                    cursor.madeBefore = self.files.control.anonymousMade
                }
                cursor.files = try self.list(cursor.place)
                cursor.isListed = true
            } else if let next = cursor.place.next {
                if case (.sessions, .users) = (cursor.place, next) {
                    self.files.control.note(anonymous: cursor.anonymous, madeBefore: cursor.madeBefore)
                }
                cursor.place = next
                cursor.isListed = false
            } else {
                cursor = Cursor()
                report.isComplete = true
                let space = self.files.directory.root.space()
                report.bytesFree = space?.bytesFree
                report.inodesFree = space.flatMap { $0.inodes == 0 ? nil : $0.inodesFree }
                return report
            }
        }
        return report
    }

    /// - Returns: Whether the entry is one that is looked at.
    private func visit(
        _ file: String,
        in place: Place,
        past limit: Limit,
        _ report: inout SweepReport
    ) throws(SessionStoreError) -> Bool {
        switch place {
        case .sessions(let shard):
            guard let name = SessionDirectory.name(ofFile: file) else { return false }
            if let live = self.glance(at: "\(SessionDirectory.shards[shard])/\(file)", past: limit) {
                self.count(live, &report)
            } else {
                try self.visit(name, past: limit, &report)
            }
        case .users(let shard): try self.visitIndexEntry(file, shard: shard, &report)
        case .epochs(let shard): try self.visitOld("\(SessionLoginEpochs.directory)/\(SessionLoginEpochs.shards[shard])/\(file)", &report)
        case .damaged: try self.visitOld("\(SessionDirectory.damaged)/\(file)", &report)
        }
        return true
    }

    private func list(_ place: Place) throws(SessionStoreError) -> [String] {
        switch place {
        case .sessions(let shard): try self.list(SessionDirectory.shards[shard])
        case .users(let shard): try self.listIndex(shard: shard)
        case .epochs(let shard): try self.entries(of: "\(SessionLoginEpochs.directory)/\(SessionLoginEpochs.shards[shard])")
        case .damaged: try self.entries(of: SessionDirectory.damaged)
        }
    }

    /// The entries of a shard, which is removed if it has had none for long.
    private func list(_ shard: String) throws(SessionStoreError) -> [String] {
        do {
            guard let directory = try self.files.directory.root.openDirectory(shard) else { return [] }
            let files = try directory.entries()
            if files.isEmpty, try self.age(of: directory.status()) > Self.emptyShardAge {
                // Safe at any time: it fails when something was created in it, and who creates something makes the shard again.
                _ = try self.files.directory.root.removeDirectoryIfEmpty(shard)
            }
            return files
        } catch let error as SystemCallError {
            throw SessionStoreError(error, "listing shard \(shard)")
        } catch SecureDirectoryError.system(let error, _) {
            throw SessionStoreError(error, "listing shard \(shard)")
        } catch {
            self.files.logger.error("a shard of the session directory was refused", metadata: ["shard": "\(shard)", "error": "\(error)"])
            return []
        }
    }

    private func age(of status: FileStatus) -> Int64 {
        WallClock.nanosecondsSinceEpoch() - status.modifiedAt
    }

    // MARK: Sessions

    /// The head of a session that lives by all appearance; `nil` for one that has to be looked at properly.
    ///
    /// Nearly all sessions live at any time, so this is what a sweep costs: one look at the heads, without a check of the bytes behind them.
    /// Where it is mistaken, the session is dealt with when it is used, or when the time in its head has come.
    private func glance(at path: String, past limit: Limit) -> StoredSession? {
        guard let file = try? self.files.directory.root.openFile(path) else { return nil }
        let size = SlotLayout.first.pairByteCount
        return unsafe withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 16) { buffer in
            guard unsafe (try? file.read(into: buffer, at: 0)) == size,
                let head = unsafe SessionSlots.glance(UnsafeRawBufferPointer(buffer)), !limit.isPassed(by: head)
            else { return nil }
            return head
        }
    }

    private func visit(
        _ name: SessionName,
        past limit: Limit,
        _ report: inout SweepReport
    ) throws(SessionStoreError) {
        // An open file of its own, so that its lock excludes the requests of this process, too, and its visit displaces nobody's file.
        let file: SessionFile?
        do {
            file = try self.files.directory.open(name)
        } catch  where error.code == .refused {
            self.files.logRefusal(error, name)
            return
        }
        guard let file else { return }
        do throws(SystemCallError) {
            let contents = try file.load()
            guard try self.isOver(contents, file, limit) else {
                self.count(contents, &report)
                return
            }
            guard let lock = try self.lockIfAvailable(file) else {
                report.skipped += 1
                return
            }
            try self.remove(lock, past: limit, &report)
        } catch {
            throw SessionStoreError(error, "sweeping session \(name)")
        }
    }

    private func count(_ contents: SessionFile.Contents, _ report: inout SweepReport) {
        if case .session(let session, _) = contents { self.count(session, &report) } else { report.live += 1 }
    }

    private func count(_ session: StoredSession, _ report: inout SweepReport) {
        report.live += 1
        if session.state == .live && session.userTag == nil { report.anonymous += 1 }
    }

    private func lockIfAvailable(_ file: SessionFile) throws(SystemCallError) -> SessionFileLock? {
        // Nobody else knows this open file, so the turn is free.
        guard file.turns.withLock({ $0.take() }) else { return nil }
        return try FileLock.tryLock(file.file) ? SessionFileLock(file: file) : nil
    }

    private func isOver(
        _ contents: SessionFile.Contents,
        _ file: SessionFile,
        _ limit: Limit
    ) throws(SystemCallError) -> Bool {
        switch contents {
        case .session(let session, _): limit.isPassed(by: session)
        case .removed, .unreadable: true
        case .foreign: false
        case .unfinished: try self.age(of: file.file.status()) > Self.leftoverAge
        }
    }

    /// Looks again under the lock and removes what is over.
    private func remove(
        _ lock: borrowing SessionFileLock,
        past limit: Limit,
        _ report: inout SweepReport
    ) throws(SystemCallError) {
        let file = lock.file
        let contents = try file.load()
        guard try self.isOver(contents, file, limit) else {
            self.count(contents, &report)
            return
        }
        switch contents {
        case .session(let session, let position):
            try self.files.remove(lock, at: position)
            if let tag = session.userTag { self.files.userIndex.remove(tag, file.name, in: self.files.directory.root) }
            report.removed += 1
            let overdue = session.expiresAt.duration(to: limit.now)
            if overdue > report.oldestOverdue ?? .zero { report.oldestOverdue = overdue }
        case .removed, .unfinished:
            // The name may have been given to another file meanwhile.
            guard try self.files.directory.leads(to: file) else { return }
            try self.files.directory.remove(file)
            report.leftovers += 1
        case .unreadable:
            if self.files.moveAside(lock, "it is neither the old nor the new state") { report.leftovers += 1 }
        case .foreign: return
        }
        self.files.cache.forget(file.name)
    }

    // MARK: What there is beside the sessions: the index of users, and what was moved aside

    private func listIndex(shard: Int) throws(SessionStoreError) -> [String] {
        try self.entries(of: "\(SessionUserIndex.directory)/\(SessionUserIndex.shards[shard])")
    }

    private func entries(of path: String) throws(SessionStoreError) -> [String] {
        do {
            return try SessionUserIndex.entries(of: path, in: self.files.directory.root)
        } catch {
            if case .system(let cause, _) = error { throw SessionStoreError(cause, "listing \(path)") }
            self.files.logger.error("a part of the session directory was refused", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Takes an index entry away whose session is gone: somebody died between the two.
    private func visitIndexEntry(
        _ entry: String,
        shard: Int,
        _ report: inout SweepReport
    ) throws(SessionStoreError) {
        guard let (tag, name) = SessionUserIndex.parse(entry) else { return }
        let path = "\(SessionUserIndex.directory)/\(SessionUserIndex.shards[shard])/\(entry)"
        do throws(SystemCallError) {
            // A fresh one may belong to a session that is being made.
            guard let status = try self.files.directory.root.status(of: path), self.age(of: status) > Self.leftoverAge,
                try !self.carries(tag, name)
            else { return }
            try self.files.directory.root.removeFile(path)
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
    private func visitOld(_ path: String, _ report: inout SweepReport) throws(SessionStoreError) {
        do throws(SystemCallError) {
            guard let status = try self.files.directory.root.status(of: path), status.kind != .directory,
                self.age(of: status) > self.files.configuration.damagedLifetime.wholeNanoseconds
            else { return }
            try self.files.directory.root.removeFile(path)
            report.leftovers += 1
        } catch {
            throw SessionStoreError(error, "sweeping \(path)")
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
