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
    static let stride = 64

    /// What is over at a sweep.
    struct Limit {
        let now: Timestamp
        let files: SessionFiles
        let epoch: UInt64
        /// The clock of the file system, for notes; a little old.
        var wall: Int64

        func isPassed(by session: StoredSession) -> Bool {
            // Where the numbers cannot be read, those who use the session look again.
            session.expiresAt <= self.now || (try? self.files.hasEnded(session)) == true
        }
    }

    let files: SessionFiles
    /// `nil` while somebody sweeps.
    private let cursor = Mutex<SweepCursor?>(SweepCursor())

    init(_ files: SessionFiles) {
        self.files = files
    }

    /// Looks at `budget` entries at most; does nothing while another sweep of this process runs.
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        let epoch = try self.files.control.epoch(in: self.files.directory)
        let limit = Limit(now: now, files: self.files, epoch: epoch, wall: WallClock.nanosecondsSinceEpoch())
        var cursor: SweepCursor?
        self.cursor.withLock { swap(&$0, &cursor) }
        guard cursor != nil else { return SweepReport() }
        defer { self.cursor.withLock { swap(&$0, &cursor) } }
        return try await self.sweep(&cursor!, past: limit, budget: budget)
    }

    private func sweep(
        _ cursor: inout SweepCursor,
        past limit: Limit,
        budget: Int
    ) async throws(SessionStoreError) -> SweepReport {
        var report = SweepReport()
        var limit = limit
        while report.examined < budget && !Task.isCancelled {
            if try self.visitNext(&cursor, past: limit, &report) {
                report.examined += 1
                if report.examined % Self.stride == 0 {
                    await Task.yield()
                    limit.wall = WallClock.nanosecondsSinceEpoch()
                }
            } else if report.isComplete {
                let space = self.files.directory.root.space()
                report.bytesFree = space?.bytesFree
                report.inodesFree = space.flatMap { $0.inodes == 0 ? nil : $0.inodesFree }
                return report
            }
        }
        return report
    }

    /// Looks at the next entry, or goes to the next place.
    ///
    /// - Returns: Whether there was an entry of those that are looked at.
    private func visitNext(
        _ cursor: inout SweepCursor,
        past limit: Limit,
        _ report: inout SweepReport
    ) throws(SessionStoreError) -> Bool {
        guard var reader = cursor.reader.take() else {
            try self.open(&cursor)
            if cursor.reader == nil { self.goOn(&cursor, &report) }
            return false
        }
        guard try self.advance(&reader, cursor.place) else {
            self.goOn(&cursor, &report)
            return false
        }
        let anonymous = report.anonymous
        do throws(SessionStoreError) {
            let isLookedAt = try self.visit(reader, in: cursor.place, past: limit, &report)
            cursor.anonymous += report.anonymous - anonymous
            cursor.reader = consume reader
            return isLookedAt
        } catch {
            // The next sweep goes on behind the entry that made this one stop.
            cursor.reader = consume reader
            throw error
        }
    }

    /// - Returns: `false` at the end of the place.
    private func advance(_ reader: inout DirectoryReader, _ place: SweepCursor.Place) throws(SessionStoreError) -> Bool {
        do throws(SystemCallError) {
            if try reader.advance() { return true }
            if case .sessions(let shard) = place, reader.count == 0 { try self.removeIfOld(shard, reader.directory.status()) }
            return false
        } catch {
            throw SessionStoreError(error, "listing \(self.path(of: place))")
        }
    }

    /// - Returns: Whether the entry is one that is looked at.
    private func visit(
        _ entry: borrowing DirectoryReader,
        in place: SweepCursor.Place,
        past limit: Limit,
        _ report: inout SweepReport
    ) throws(SessionStoreError) -> Bool {
        switch place {
        case .sessions: return try self.visitSession(entry, past: limit, &report)
        case .users(let shard): try self.visitIndexEntry(entry, shard: shard, &report)
        case .epochs, .damaged: try self.visitOld(entry, self.path(of: place), &report)
        }
        return true
    }

    // MARK: Places

    private func path(of place: SweepCursor.Place) -> String {
        switch place {
        case .sessions(let shard): SessionDirectory.shards[shard]
        case .users(let shard): "\(SessionUserIndex.directory)/\(shard)"
        case .epochs(let shard): "\(SessionLoginEpochs.directory)/\(shard)"
        case .damaged: SessionDirectory.damaged
        }
    }

    /// Begins to read a place, unless there is no such directory or it is refused.
    private func open(_ cursor: inout SweepCursor) throws(SessionStoreError) {
        if case .sessions(shard: 0) = cursor.place {
            cursor.anonymous = 0
            cursor.madeBefore = self.files.control.anonymousMade
        }
        let path = self.path(of: cursor.place)
        do throws(SecureDirectoryError) {
            guard let directory = try self.files.directory.root.openDirectory(path) else { return }
            cursor.reader = DirectoryReader(directory)
        } catch {
            if case .system(let cause, _) = error { throw SessionStoreError(cause, "listing \(path)") }
            if case .sessions = cursor.place {
                self.files.logger.error(
                    "a shard of the session directory was refused",
                    metadata: ["shard": "\(path)", "error": "\(error)"]
                )
            } else {
                self.files.logger.error("a part of the session directory was refused", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Goes to the place that follows, or to the first after the last.
    private func goOn(_ cursor: inout SweepCursor, _ report: inout SweepReport) {
        cursor.reader = nil
        switch cursor.place {
        case .sessions(let shard) where shard + 1 < SessionDirectory.shards.count: cursor.place = .sessions(shard: shard + 1)
        case .sessions:
            self.files.control.note(anonymous: cursor.anonymous, madeBefore: cursor.madeBefore)
            // Only those that there are: most stores have few of the 4096.
            cursor.rest = self.shards(of: SessionUserIndex.directory, SessionUserIndex.isShard)
            cursor.place = cursor.rest.popLast().map { .users(shard: $0) } ?? self.firstEpochs(&cursor)
        case .users: cursor.place = cursor.rest.popLast().map { .users(shard: $0) } ?? self.firstEpochs(&cursor)
        case .epochs: cursor.place = cursor.rest.popLast().map { .epochs(shard: $0) } ?? .damaged
        case .damaged:
            cursor.place = .sessions(shard: 0)
            report.isComplete = true
        }
    }

    private func firstEpochs(_ cursor: inout SweepCursor) -> SweepCursor.Place {
        cursor.rest = self.shards(of: SessionLoginEpochs.directory) { SessionLoginEpochs.shards.contains($0) }
        return cursor.rest.popLast().map { .epochs(shard: $0) } ?? .damaged
    }

    /// The directories below one of the index's; none where they cannot be listed: the next sweep tries again.
    private func shards(of path: String, _ isShard: (String) -> Bool) -> [String] {
        ((try? self.entries(of: path)) ?? []).filter(isShard)
    }

    /// Removes a shard that has had no entries for long.
    private func removeIfOld(_ shard: Int, _ status: FileStatus) throws(SystemCallError) {
        guard self.age(of: status) > Self.emptyShardAge else { return }
        // Safe at any time: it fails when something was created in it, and who creates something makes the shard again.
        _ = try self.files.directory.root.removeDirectoryIfEmpty(SessionDirectory.shards[shard])
    }

    func age(of status: FileStatus) -> Int64 {
        WallClock.nanosecondsSinceEpoch() - status.modifiedAt
    }

    // MARK: Sessions

    /// Whether an entry has the name of a session's file.
    private static func isSession(_ name: ArraySlice<UInt8>) -> Bool {
        name.count == 2 * SessionName.byteCount && name.allSatisfy(SessionName.isDigit)
    }

    /// - Returns: Whether the entry is one that is looked at.
    private func visitSession(
        _ entry: borrowing DirectoryReader,
        past limit: Limit,
        _ report: inout SweepReport
    ) throws(SessionStoreError) -> Bool {
        guard Self.isSession(entry.nameBytes) else { return false }
        if let seen = self.glance(at: entry, past: limit) {
            Self.count(seen, &report)
        } else if let name = SessionName(hexadecimal: Array(entry.nameBytes)) {
            try self.visit(name, past: limit, &report)
        }
        return true
    }

    /// Looks at a session that lives by all appearance; `nil` for one that has to be looked at properly.
    ///
    /// Nearly all sessions live at any time and are at rest, so this is what a sweep costs: one look at the file's times, and where they tell
    /// nothing (see ``SweepNote``) one at the heads in it, without a check of the bytes behind them. Where it is mistaken, the session is dealt
    /// with when it is used, or when the time in its head has come.
    ///
    /// - Returns: What it is.
    private func glance(at entry: borrowing DirectoryReader, past limit: Limit) -> Glimpse? {
        guard let status = try? entry.status(), SessionDirectory.objection(to: status) == nil else { return nil }
        if let note = SweepNote(status.modifiedAt, wall: limit.wall, now: limit.now, epoch: limit.epoch) { return note.glimpse }
        guard let layout = SlotLayout.last(inFileOf: status.size), layout.fileByteCount == status.size else { return nil }
        do throws(SystemCallError) {
            let file = try entry.open()
            guard let heads = try SlotHeads(of: file, layout), let session = heads.newest, !limit.isPassed(by: session) else { return nil }
            // Looked at again: it may have been written since, and be written through memory by now, which changes no time.
            if SweepNote(session, writtenAt: status.modifiedAt, wall: limit.wall) != nil,
                let again = try entry.status(), let note = SweepNote(session, writtenAt: again.modifiedAt, wall: limit.wall)
            {
                try self.files.userIndex.faults.check(.note)
                try? file.setModificationTime(note.modificationTime)
                // The note is about what was read before. Whoever writes from now on sets the time again.
                if try SlotHeads(of: file, layout) != heads { try file.setModificationTime(nil) }
            }
            return Glimpse(session)
        } catch {
            return nil
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

    private func count(_ session: StoredSession, _ report: inout SweepReport) { Self.count(Glimpse(session), &report) }

    private static func count(_ seen: Glimpse, _ report: inout SweepReport) {
        if seen != .tombstone { report.live += 1 }
        if seen == .anonymous { report.anonymous += 1 }
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
            if session.state == .live, session.userTag != nil, session.expiresAt <= limit.now {
                report.expired.append(SweepReport.Expired(handle: session.handle, at: session.expiresAt))
            }
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
}
