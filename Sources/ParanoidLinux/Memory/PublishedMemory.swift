internal import Synchronization

/// The shared memory that many threads read now, found without a lock: a lock that each request takes is one that requests queue for.
///
/// Memory that was replaced stays mapped as long as this value lives, as nobody knows who still reads it; it is replaced only when somebody
/// removes its file, or does something like that.
@safe
package struct PublishedMemory: ~Copyable, Sendable {
    private let current: Atomic<Unmanaged<SharedMemory>>
    private let checkedAt: Atomic<Int64>
    private let kept: Mutex<[SharedMemory]>

    /// Publishes the first one, whose file was looked at just now.
    package init(_ memory: SharedMemory, checkedAt: Int64) {
        unsafe self.current = unsafe Atomic(Unmanaged.passUnretained(memory))
        self.checkedAt = Atomic(checkedAt)
        self.kept = Mutex([memory])
    }

    /// Publishes another one, and when its file was looked at, by the clock of the caller.
    package borrowing func publish(_ memory: SharedMemory, checkedAt: Int64) {
        self.kept.withLock { kept in
            if kept.last !== memory { kept.append(memory) }
            unsafe self.current.store(Unmanaged.passUnretained(memory), ordering: .releasing)
        }
        self.checkedAt.store(checkedAt, ordering: .releasing)
    }

    /// Reads the one that is published, with when its file was looked at.
    package borrowing func read<Value>(_ body: (_ memory: SharedMemory, _ checkedAt: Int64) -> Value) -> Value {
        let checkedAt = self.checkedAt.load(ordering: .acquiring)
        return unsafe self.current.load(ordering: .acquiring)._withUnsafeGuaranteedRef { body($0, checkedAt) }
    }
}
