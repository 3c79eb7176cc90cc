import Synchronization
import Glibc
import Logging
import ParanoidFastCGITesting
import ParanoidSessions

@testable import FileSessionStore

/// A directory of its own and stores over it, as several workers have them.
struct StoreFixture {
    let scratch: TemporaryDirectory
    let log = LogRecorder()
    var configuration: FileSessionStoreConfiguration

    init(in parent: String = "/tmp", durability: SessionDurability = .process) throws {
        self.scratch = try TemporaryDirectory(in: parent)
        self.configuration = FileSessionStoreConfiguration(directory: "\(self.scratch.path)/sessions", durability: durability)
        // Many tests run at once in one process, which has room for 4096.
        self.configuration.maximumWindows = 8
    }

    var directory: String { self.configuration.directory }

    func makeStore(faults: FileFaults? = nil) throws -> FileSessionStore {
        try FileSessionStore(configuration: self.configuration, logger: self.log.logger, faults: faults)
    }

    /// The absolute path of a session's file.
    func path(of name: SessionName) -> String { "\(self.directory)/\(SessionDirectory.path(of: name))" }

    /// The names of the files that were moved aside.
    func damaged() -> [String] { entries(of: "\(self.directory)/damaged") }
}

/// A logger that remembers its lines.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])
    var lines: [String] { self.recorded.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            self.recorder.recorded.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}

/// The name with a number; the same in every process.
func sessionName(_ number: UInt64) -> SessionName {
    var state = number
    let bytes = (0..<4).flatMap { _ -> [UInt8] in
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return (0..<8).map { UInt8(truncatingIfNeeded: mixed >> UInt64(8 * $0)) }
    }
    return SessionName(bytes: bytes)!
}

func makeSession(
    _ payload: [UInt8],
    generation: UInt64 = 1,
    state: StoredSession.State = .live,
    expiresAt: Timestamp = Timestamp(secondsSinceEpoch: 4_000_000_000)
) -> StoredSession {
    StoredSession(
        state: state,
        protection: .sealed,
        secretNumber: 1,
        handle: SessionHandle("0123456789abcdef")!,
        generation: generation,
        createdAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
        writtenAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
        expiresAt: expiresAt,
        payload: payload
    )
}

extension FileSessionStore {
    /// Writes the next state; `false` when the session is not there.
    @discardableResult
    func change(
        _ name: SessionName,
        to payload: [UInt8],
        state: StoredSession.State = .live,
        timeout: Duration = .seconds(600)
    ) async throws(SessionStoreError) -> Bool {
        try await self.modify(name, timeout: timeout) { current in
            guard let current else { return (.keep, false) }
            return (.write(makeSession(payload, generation: current.generation + 1, state: state)), true)
        }
    }

    func remove(_ name: SessionName) async throws(SessionStoreError) {
        try await self.modify(name, timeout: .seconds(600)) { _ in (.remove, ()) }
    }

    /// Adds 1 to the number in the session.
    func increment(_ name: SessionName, timeout: Duration = .seconds(600)) async throws(SessionStoreError) -> Bool {
        try await self.modify(name, timeout: timeout) { current in
            guard let current else { return (.keep, false) }
            return (.write(makeSession(encode(decode(current.payload) + 1), generation: current.generation + 1)), true)
        }
    }

    func payload(_ name: SessionName) async throws(SessionStoreError) -> [UInt8]? { try await self.read(name)?.payload }
}

func encode(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) } }
func decode(_ bytes: [UInt8]) -> UInt64 { bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }

/// The code of the error that `body` throws; `nil` when it throws none of the store's.
func code(_ body: () async throws -> Void) async -> SessionStoreError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? SessionStoreError)?.code
    }
}

// MARK: Files, by plain calls

func bytes(ofFile path: String) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY)
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe read(file, &buffer, buffer.count)
    return Array(buffer.prefix(max(0, count)))
}

/// Overwrites bytes in place, or the whole file when `offset` is `nil`.
func overwrite(_ path: String, with bytes: [UInt8], at offset: Int? = nil) {
    let file = unsafe open(path, O_WRONLY | (offset == nil ? O_TRUNC : 0))
    precondition(file >= 0)
    let count = unsafe pwrite(file, bytes, bytes.count, off_t(offset ?? 0))
    precondition(count == bytes.count)
    close(file)
}

func entries(of directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// All session files below a store's directory.
func sessionFiles(below directory: String) -> [String] {
    SessionDirectory.shards.flatMap { entries(of: "\(directory)/\($0)") }
}

/// Makes a file look as if nobody had touched it for `seconds`.
func age(_ path: String, by seconds: Int) {
    var times = [timespec(), timespec()]
    unsafe clock_gettime(CLOCK_REALTIME, &times[0])
    times[0].tv_sec -= seconds
    times[1] = times[0]
    precondition(unsafe utimensat(AT_FDCWD, path, times, 0) == 0)
}

/// Starts a program; `nil` when that fails.
func start(_ arguments: [String]) -> pid_t? {
    var process: pid_t = 0
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { unsafe pointers.forEach { unsafe free($0) } }
    return unsafe posix_spawnp(&process, arguments[0], nil, nil, pointers, environ) == 0 ? process : nil
}

/// Runs a program and returns its exit code.
@discardableResult
func run(_ arguments: String...) -> Int32 {
    guard let process = start(arguments) else { return 127 }
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
}
