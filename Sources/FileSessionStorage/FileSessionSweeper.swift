internal import LinuxSupport
internal import Logging
internal import SessionSecurity
internal import SessionStorage
internal import Synchronization

/// Walks through a store shard by shard and removes what is over; goes on where it stopped.
final class FileSessionSweeper: Sendable {
    /// After how many nanoseconds a file that was never completed counts as the leftover of a crash.
    static let leftoverAge: Int64 = 60_000_000_000
    /// After how many nanoseconds without change an empty shard is removed.
    static let emptyShardAge: Int64 = 3_600_000_000_000
    /// After how many entries other tasks get the thread.
    private static let stride = 32

    /// Where the next sweep begins.
    private struct Cursor {
        var shard = 0
        var files: [String] = []
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
                if let name = SessionDirectory.name(ofFile: file) {
                    report.examined += 1
                    try self.visit(name, in: store, expiredAt: now, &report)
                    if report.examined % Self.stride == 0 { await Task.yield() }
                }
            } else if cursor.shard < SessionDirectory.shards.count {
                cursor.files = try self.list(SessionDirectory.shards[cursor.shard], in: store)
                cursor.shard += 1
            } else {
                cursor = Cursor()
                report.isComplete = true
                return report
            }
        }
        return report
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

    private func age(of status: FileStatus) -> Int64 {
        WallClock.nanosecondsSinceEpoch() - status.modifiedAt
    }

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
            guard try self.isOver(file.load(), file, now) else {
                report.live += 1
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

    private func holdIfAvailable(_ file: SessionFile) throws(SystemCallError) -> SessionFileHold? {
        // Nobody else knows this open file, so the turn is free.
        guard file.turns.withLock({ $0.take() }) else { return nil }
        return try FileLock.tryLock(file.file) ? SessionFileHold(file: file) : nil
    }

    private func isOver(_ contents: SessionFile.Contents, _ file: SessionFile, _ now: Timestamp) throws(SystemCallError) -> Bool {
        switch contents {
        case .session(let session, _): session.expiresAt <= now
        case .removed, .unreadable: true
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
        guard try self.isOver(contents, file, now) else {
            report.live += 1
            return
        }
        switch contents {
        case .session(_, let position):
            try store.remove(hold, at: position)
            report.removed += 1
        case .removed, .unfinished:
            // The name may have been given to another file meanwhile.
            guard try store.directory.leads(to: file) else { return }
            try store.directory.remove(file)
            report.leftovers += 1
        case .unreadable:
            if store.moveAside(hold, "it is neither the old nor the new state") { report.leftovers += 1 }
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
