internal import ParanoidLinux
package import ParanoidSessions

// What it takes to move sessions to files or from them.
extension FileSessionStore: MovableSessionStore {
    package func numbers() async throws(SessionStoreError) -> SessionStoreNumbers? {
        SessionStoreNumbers(epoch: try self.files.control.epoch(in: self.files.directory), loginEpoch: self.files.control.loginEpoch)
    }

    package func raise(to numbers: SessionStoreNumbers) async throws(SessionStoreError) {
        try self.files.control.raise(to: numbers, in: self.files.directory, isDurable: self.files.isDurable)
    }

    package func adopt(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) -> Bool {
        do {
            try self.add(session, named: name)
            return true
        } catch {
            guard error.code == .nameTaken else { throw error }
            return false
        }
    }

    package var partCount: Int { SessionDirectory.shards.count }

    package func names(inPart part: Int) async throws(SessionStoreError) -> [SessionName] {
        do {
            let entries = try SessionUserIndex.entries(of: SessionDirectory.shards[part], in: self.files.directory.root)
            return entries.compactMap { SessionDirectory.name(ofFile: $0) }
        } catch {
            throw SessionStoreError(.unavailable, message: "listing a part of the session directory", cause: error)
        }
    }
}

// One of two stores between which sessions move is this one, as its host is the only one that can reach both.
extension FileSessionStore: SessionMoveLocks {
    /// The directory of the files that are locked, below that of the store.
    private static let moves = "moves"

    /// A lock that is held for as long as the object is there.
    private final class HeldLock: Sendable {
        let lock: FileLock

        init(_ lock: consuming FileLock) {
            self.lock = lock
        }
    }

    package func lockForMove(of name: SessionName, timeout: Duration) async throws(SessionStoreError) -> any Sendable {
        do throws(SystemCallError) {
            // Not the first byte: those of one shard are moved together.
            let file = try self.openMove("\(Self.moves)/\(SessionName.digits(of: [name.bytes[1]]))")
            if let lock = try await FileLock.acquire(on: file, timeout: timeout) { return HeldLock(lock) }
        } catch {
            throw SessionStoreError(error, "locking the move of session \(name)")
        }
        throw SessionStoreError(.lockTimeout, message: "others are moving sessions, \(name) among them")
    }

    /// Each caller has an open file of its own, so the lock keeps apart the tasks of a process too.
    private func openMove(_ path: String) throws(SystemCallError) -> OpenFile {
        do throws(SystemCallError) {
            return try self.files.directory.root.openOrCreateFile(path)
        } catch  where error.isAbsent {
            _ = try self.files.directory.root.makeDirectory(Self.moves)
            return try self.files.directory.root.openOrCreateFile(path)
        }
    }
}
