internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions
internal import Synchronization

/// Walks through a store shard by shard and removes what is over; goes on where it stopped.
///
/// After the sessions come the index of users and the files that were moved aside, see `FileSessionSweeper+Extras.swift`.
final class FileSessionSweeper: Sendable {
    /// After how many nanoseconds a file that was never completed counts as the leftover of a crash.
    static let leftoverAge: Int64 = 60_000_000_000
    /// After how many nanoseconds without change an empty shard is removed.
    static let emptyShardAge: Int64 = 3_600_000_000_000
    /// After how many entries other tasks get the thread.
    static let stride = 32

    /// A directory to be looked at.
    enum Place: Sendable {
        case sessions(shard: Int)
        case users(shard: Int)
        case damaged

        /// The place that follows; `nil` after the last.
        var next: Place? {
            switch self {
            case .sessions(let shard):
                shard + 1 < SessionDirectory.shards.count ? .sessions(shard: shard + 1) : .users(shard: 0)
            case .users(let shard): shard + 1 < SessionUserIndex.shards.count ? .users(shard: shard + 1) : .damaged
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

    /// `nil` while somebody sweeps.
    private let cursor = Mutex<Cursor?>(Cursor())

    /// Looks at `budget` entries at most; does nothing while another sweep of this process runs.
    func sweep(_ store: FileSessionStore, expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        var report = SweepReport()
        guard var cursor = self.cursor.withLock({ $0.take() }) else { return report }
        defer { self.cursor.withLock { $0 = cursor } }
        while report.examined < budget && !Task.isCancelled {
            if let file = cursor.files.popLast() {
                let anonymous = report.anonymous
                guard try self.visit(file, in: cursor.place, of: store, expiredAt: now, &report) else { continue }
                cursor.anonymous += report.anonymous - anonymous
                report.examined += 1
                if report.examined % Self.stride == 0 { await Task.yield() }
            } else if !cursor.isListed {
                if case .sessions(shard: 0) = cursor.place {
                    cursor.anonymous = 0
                    cursor.madeBefore = store.control.anonymousMade
                }
                cursor.files = try self.list(cursor.place, in: store)
                cursor.isListed = true
            } else if let next = cursor.place.next {
                if case (.sessions, .users) = (cursor.place, next) {
                    store.control.note(anonymous: cursor.anonymous, madeBefore: cursor.madeBefore)
                }
                cursor.place = next
                cursor.isListed = false
            } else {
                cursor = Cursor()
                report.isComplete = true
                let space = store.directory.root.space()
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
        of store: FileSessionStore,
        expiredAt now: Timestamp,
        _ report: inout SweepReport
    ) throws(SessionStoreError) -> Bool {
        switch place {
        case .sessions:
            guard let name = SessionDirectory.name(ofFile: file) else { return false }
            try self.visit(name, in: store, expiredAt: now, &report)
        case .users(let shard): try self.visitIndexEntry(file, shard: shard, in: store, &report)
        case .damaged: try self.visitDamaged(file, in: store, &report)
        }
        return true
    }

    private func list(_ place: Place, in store: FileSessionStore) throws(SessionStoreError) -> [String] {
        switch place {
        case .sessions(let shard): try self.list(SessionDirectory.shards[shard], in: store)
        case .users(let shard): try self.listIndex(shard: shard, in: store)
        case .damaged: try self.entries(of: SessionDirectory.damaged, in: store)
        }
    }

    /// The entries of a shard, which is removed if it has had none for long.
    private func list(_ shard: String, in store: FileSessionStore) throws(SessionStoreError) -> [String] {
        do {
            guard let directory = try store.directory.root.openDirectory(shard) else { return [] }
            let files = try directory.entries()
            if files.isEmpty, try self.age(of: directory.status()) > Self.emptyShardAge {
                // Safe at any time: it fails when something was created in it, and who creates something makes the shard again.
                _ = try store.directory.root.removeDirectoryIfEmpty(shard)
            }
            return files
        } catch let error as SystemCallError {
            throw SessionStoreError(error, "listing shard \(shard)")
        } catch SecureDirectoryError.system(let error, _) {
            throw SessionStoreError(error, "listing shard \(shard)")
        } catch {
            store.logger.error("a shard of the session directory was refused", metadata: ["shard": "\(shard)", "error": "\(error)"])
            return []
        }
    }

    func age(of status: FileStatus) -> Int64 {
        WallClock.nanosecondsSinceEpoch() - status.modifiedAt
    }

    // MARK: Sessions

    private func visit(
        _ name: SessionName,
        in store: FileSessionStore,
        expiredAt now: Timestamp,
        _ report: inout SweepReport
    ) throws(SessionStoreError) {
        // An open file of its own, so that its lock excludes the requests of this process, too, and its visit displaces nobody's file.
        let file: SessionFile?
        do {
            file = try store.directory.open(name)
        } catch  where error.code == .refused {
            store.logRefusal(error, name)
            return
        }
        guard let file else { return }
        do throws(SystemCallError) {
            let contents = try file.load()
            guard try self.isOver(contents, file, store, now) else {
                self.count(contents, &report)
                return
            }
            guard let hold = try self.holdIfAvailable(file) else {
                report.skipped += 1
                return
            }
            try self.remove(hold, in: store, expiredAt: now, &report)
        } catch {
            throw SessionStoreError(error, "sweeping session \(name)")
        }
    }

    private func count(_ contents: SessionFile.Contents, _ report: inout SweepReport) {
        report.live += 1
        if case .session(let session, _) = contents, session.state == .live, session.userTag.isEmpty { report.anonymous += 1 }
    }

    private func holdIfAvailable(_ file: SessionFile) throws(SystemCallError) -> SessionFileHold? {
        // Nobody else knows this open file, so the turn is free.
        guard file.turns.withLock({ $0.take() }) else { return nil }
        return try FileLock.tryLock(file.file) ? SessionFileHold(file: file) : nil
    }

    private func isOver(
        _ contents: SessionFile.Contents,
        _ file: SessionFile,
        _ store: FileSessionStore,
        _ now: Timestamp
    ) throws(SystemCallError) -> Bool {
        switch contents {
        case .session(let session, _): session.expiresAt <= now || store.control.hasEnded(session)
        case .removed, .unreadable: true
        case .foreign: false
        case .unfinished: try self.age(of: file.file.status()) > Self.leftoverAge
        }
    }

    /// Looks again under the lock and removes what is over.
    private func remove(
        _ hold: borrowing SessionFileHold,
        in store: FileSessionStore,
        expiredAt now: Timestamp,
        _ report: inout SweepReport
    ) throws(SystemCallError) {
        let file = hold.file
        let contents = try file.load()
        guard try self.isOver(contents, file, store, now) else {
            self.count(contents, &report)
            return
        }
        switch contents {
        case .session(let session, let position):
            try store.remove(hold, at: position)
            store.userIndex.remove(session.userTag, file.name, in: store.directory.root)
            report.removed += 1
            let overdue = session.expiresAt.duration(to: now)
            if overdue > report.oldestOverdue ?? .zero { report.oldestOverdue = overdue }
        case .removed, .unfinished:
            // The name may have been given to another file meanwhile.
            guard try store.directory.leads(to: file) else { return }
            try store.directory.remove(file)
            report.leftovers += 1
        case .unreadable:
            if store.moveAside(hold, "it is neither the old nor the new state") { report.leftovers += 1 }
        case .foreign: return
        }
        store.forget(file.name)
    }
}

extension FileSessionStore {
    /// Closes the file of a session that is gone, if it is kept open.
    func forget(_ name: SessionName) {
        if let file = self.files.file(named: name) { self.files.drop(file) }
    }
}
