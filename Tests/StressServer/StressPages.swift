import Glibc
import ParanoidFastCGI
import Synchronization

/// What the pages do.
enum StressPages {
    /// How many requests wait in this process at the moment.
    static let waiting = Atomic<Int>(0)

    private static let memory = Mutex<[[UInt8]]>([])

    /// A number of the query; 0 unless it is there.
    static func number(_ name: String, of request: Request) -> Int {
        request.query.first(named: name).flatMap { Int($0) } ?? 0
    }

    /// Holds the thread.
    static func block(milliseconds: Int) {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end {}
    }

    /// Waits without a thread until a file is there; not at all without a path.
    static func wait(until path: String?) async throws {
        guard let path else { return }
        while unsafe access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// Waits without a thread, whatever is asked for.
    static func ignoreCancellation(milliseconds: Int) async {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end {
            // A cancelled task does not sleep: what it waits for has to be another one.
            await withCheckedContinuation { continuation in
                Task.detached {
                    try? await Task.sleep(for: .milliseconds(20))
                    continuation.resume()
                }
            }
        }
    }

    /// Keeps memory for good.
    static func grow(megabytes: Int) {
        self.memory.withLock { $0.append([UInt8](repeating: 1, count: megabytes << 20)) }
    }
}
