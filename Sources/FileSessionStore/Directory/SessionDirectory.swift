internal import Logging
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The directory of a store: 256 shards named after the first byte of the session's name, and one for what was damaged.
struct SessionDirectory: ~Copyable, Sendable {
    /// Where damaged files are put.
    static let damaged = "damaged"
    /// The names of all shards, in order.
    static let shards: [String] = (0...255).map { SessionName.digits(of: [$0]) }

    let root: SecureDirectory
    private let path: String
    private let isDurable: Bool
    private let faults: FileFaults?
    /// `nil` where other hosts may change the files: memory shows nothing of what they do.
    private let windows: SessionFileWindows?

    /// Opens or creates the directory and checks that it is safe to use.
    ///
    /// - Throws: `refused` when others can write it, when it is not ours or when it lies on a file system whose locks cannot be trusted;
    ///   `full` or `unavailable` when it cannot be made.
    init(_ configuration: FileSessionStoreConfiguration, faults: FileFaults?) throws(SessionStoreError) {
        self.path = configuration.directory
        self.isDurable = configuration.durability == .power
        self.faults = faults
        self.root = try Self.openRoot(configuration)
        self.windows = self.root.fileSystem().remoteName == nil ? SessionFileWindows(most: configuration.maximumWindows) : nil
    }

    private static func openRoot(_ configuration: FileSessionStoreConfiguration) throws(SessionStoreError) -> SecureDirectory {
        let path = configuration.directory
        let root: SecureDirectory
        do {
            root = try SecureDirectory.openOrCreate(path)
        } catch {
            if case .system(let cause, let place) = error {
                throw SessionStoreError(cause, "opening the session directory \(place)")
            }
            throw SessionStoreError(.refused, message: "the session directory is not safe: \(error)", cause: error)
        }
        if let kind = root.fileSystem().remoteName {
            if configuration.allowsNetworkFileSystem {
                try LockProbe.run(in: root, path: path)
                return root
            }
            throw SessionStoreError(
                .refused,
                message: "the session directory \(path) lies on \(kind), where file locks cannot be relied upon;"
                    + " use a local file system, or allow network file systems"
            )
        }
        return root
    }

    /// Refuses a directory that is no longer the one at its path: what the command-line tool and later processes do happens in another one.
    func checkPlace() throws(SessionStoreError) {
        guard self.root.isAt(self.path) == false else { return }
        throw SessionStoreError(
            .refused,
            message: "another directory has taken the place of the session directory \(self.path); restart the application to use it"
        )
    }

    /// The path of a session's file.
    static func path(of name: SessionName) -> String {
        let digits = name.hexadecimal
        var path = String(digits.utf8.prefix(2)) ?? ""
        path.reserveCapacity(68)
        path += "/"
        path += digits
        return path
    }

    /// The name a file stands for; `nil` for anything that is not the name of a session's file.
    static func name(ofFile file: String) -> SessionName? {
        SessionName(hexadecimal: Array(file.utf8))
    }

    // MARK: Files

    /// Opens a session's file; `nil` when there is none.
    ///
    /// - Throws: Also for anything that is not a file of ours with this one name: such things are not touched.
    func open(_ name: SessionName) throws(SessionStoreError) -> SessionFile? {
        let path = Self.path(of: name)
        let opened: (file: OpenFile, status: FileStatus)?
        do throws(SystemCallError) {
            if let file = try self.root.openFile(path) { opened = (file, try file.privateStatus()) } else { opened = nil }
        } catch {
            throw SessionStoreError(error, "opening session \(name)")
        }
        // No names: removed between the two calls.
        guard let (file, status) = opened, status.linkCount > 0 else { return nil }
        if let objection = Self.objection(to: status) {
            throw SessionStoreError(.refused, message: "the file of session \(name) \(objection)")
        }
        return SessionFile(
            name: name,
            path: path,
            file: file,
            last: SlotLayout.last(inFileOf: status.size) ?? .first,
            identity: status.identity,
            windows: self.windows,
            faults: self.faults
        )
    }

    /// What makes a file unfit; `nil` when nothing does.
    static func objection(to status: FileStatus) -> String? {
        if status.kind != .regular { return "is not a regular file" }
        if !status.isOwn { return "belongs to user \(status.owner)" }
        if status.isShared { return "can be reached by others (mode \(String(status.permissions, radix: 8)))" }
        if status.linkCount != 1 { return "has \(status.linkCount) names" }
        return nil
    }

    /// Creates a session's file, which must not be there yet, and its shard if need be.
    func create(_ name: SessionName, last: SlotLayout) throws(SystemCallError) -> SessionFile {
        let path = Self.path(of: name)
        try self.faults.check(.createFile)
        while true {
            do {
                let file = try self.root.createFile(path)
                return SessionFile(
                    name: name,
                    path: path,
                    file: file,
                    last: last,
                    identity: nil,
                    windows: self.windows,
                    faults: self.faults
                )
            } catch  where error.isAbsent {
                // No shard, or the sweeper just took it away.
                let shard = String(path.prefix(2))
                if try self.root.makeDirectory(shard), self.isDurable { try self.root.synchronize() }
            }
        }
    }

    /// Makes the names in a session's shard durable, if that is wanted.
    func synchronizeNames(of file: SessionFile) throws(SystemCallError) {
        guard self.isDurable else { return }
        try self.faults.check(.synchronize)
        try self.root.synchronize(String(file.path.prefix(2)))
    }

    /// Whether a file's name still leads to it; it does not when somebody removed or replaced the file by hand.
    func leads(to file: SessionFile) throws(SystemCallError) -> Bool {
        guard let status = try self.root.status(of: file.path) else { return false }
        if let identity = file.identity { return status.identity == identity && Self.objection(to: status) == nil }
        let identity = try file.file.status().identity
        file.identity = identity
        return status.identity == identity && Self.objection(to: status) == nil
    }

    /// Takes a file's name away.
    func remove(_ file: SessionFile) throws(SystemCallError) {
        try self.faults.check(.remove)
        try self.root.removeFile(file.path)
        try self.synchronizeNames(of: file)
    }

    /// Puts a file aside under a name that nothing has.
    func moveAside(_ file: SessionFile) throws(SystemCallError) {
        try self.faults.check(.moveAside)
        _ = try self.root.makeDirectory(Self.damaged)
        let time = String(WallClock.nanosecondsSinceEpoch(), radix: 16)
        try self.root.move(file.path, to: "\(Self.damaged)/\(file.path.dropFirst(3)).\(time)")
        try self.synchronizeNames(of: file)
    }
}

/// Says whether there is room for sessions in which nobody is logged in: the last of the space is for those who are.
final class FreeSpaceMonitor: Sendable {
    /// How often at most the system is asked, in nanoseconds.
    private static let interval: Int64 = 1_000_000_000

    private let percent: Int
    private let looked = Mutex<(at: Int64, hasRoom: Bool)?>(nil)

    /// Creates a watch that keeps so many percent of bytes and inodes free, but no more than 256 MiB and 10 000 inodes.
    init(percent: Int) {
        self.percent = percent
    }

    /// Whether an anonymous session may be made.
    func hasRoom(in root: borrowing SecureDirectory) -> Bool {
        guard self.percent > 0 else { return true }
        let now = CoarseClock.now()
        if let known = self.looked.withLock({ $0 }), now - known.at < Self.interval { return known.hasRoom }
        let hasRoom = root.space().map { Self.hasRoom($0, percent: self.percent) } ?? true
        self.looked.withLock { $0 = (now, hasRoom) }
        return hasRoom
    }

    /// Whether more is free than has to be kept (pure).
    static func hasRoom(_ space: FileSystemSpace, percent: Int) -> Bool {
        let percent = UInt64(percent)
        let bytes = min(space.bytes / 100 * percent, 256 << 20)
        let inodes = min(space.inodes / 100 * percent, 10_000)
        return space.bytesFree >= bytes && (space.inodes == 0 || space.inodesFree >= inodes)
    }
}

/// Tries whether `flock(2)` in a directory really excludes another process.
///
/// The other process is util-linux's `flock(1)`, which is asked to take a lock that this process holds, and again when it does not.
enum LockProbe {
    private static let program = "/usr/bin/flock"

    /// - Throws: `refused` when the lock does not exclude, or when that cannot be tried.
    static func run(in root: borrowing SecureDirectory, path: String) throws(SessionStoreError) {
        let name = "lock-probe-\(SessionName.digits(of: SystemRandom.bytes(8)))"
        do {
            let file = try root.createFile(name)
            defer { try? root.removeFile(name) }
            let isHeld = try FileLock.tryLock(file)
            let isExcluded = try !Self.otherProcessLocks("\(path)/\(name)")
            FileLock.unlock(file)
            let isFree = try Self.otherProcessLocks("\(path)/\(name)")
            guard isHeld && isExcluded && isFree else {
                throw SessionStoreError(.refused, message: "file locks do not work between processes in the session directory \(path)")
            }
        } catch let error as SessionStoreError {
            throw error
        } catch {
            throw SessionStoreError(
                .refused,
                message: "whether file locks work in the session directory \(path) cannot be tried (it takes \(Self.program))",
                cause: error
            )
        }
    }

    private static func otherProcessLocks(_ path: String) throws(SystemCallError) -> Bool {
        let arguments = ["flock", "--nonblock", "--conflict-exit-code", "75", path, "/bin/true"]
        let command = SpawnedProcess.Command(path: Self.program, arguments: arguments, environment: ProcessEnvironment())
        var process = try SpawnedProcess(command, mappings: [])
        switch try process.waitUntilEnded() {
        case .exited(0): return true
        case .exited(75): return false
        default: throw SystemCallError.inputOutput
        }
    }
}
