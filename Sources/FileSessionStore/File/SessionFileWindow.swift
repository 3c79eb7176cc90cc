internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// How many files of a store are seen in memory at once.
final class SessionFileWindows: Sendable {
    private let most: Int
    private let count = Atomic<Int>(0)

    init(most: Int) {
        self.most = most
    }

    fileprivate func take() -> Bool {
        if self.count.add(1, ordering: .relaxed).newValue <= self.most { return true }
        self.give()
        return false
    }

    fileprivate func give() { self.count.subtract(1, ordering: .relaxed) }
}

/// The first pair of slots of a session's file as memory that shows what anybody writes to it: whether the state that is known is still the
/// newest costs no system call, and most writes of a busy session cost none.
///
/// Slots are written in turn and generations only rise, so a state is the newest as long as its own slot is as it was and the other one is too.
/// Who makes a file grow says so in the first pair before (``SessionSlots/growing``). A file that is cut short shows zeros, see `SharedMemory`.
final class SessionFileWindow: Sendable {
    /// What the pair shows while a state is the newest.
    struct Mark: Sendable, Hashable {
        fileprivate let index: Int
        fileprivate let end: Int
        fileprivate let own: Head
        fileprivate let checksum: UInt64
        fileprivate let other: Head
    }

    /// Magic, version, state and generation of a slot.
    fileprivate struct Head: Sendable, Hashable {
        var first: UInt64
        var generation: UInt64
    }

    private let memory: SharedMemory
    private let budget: SessionFileWindows

    /// Maps the pair of a file that has one; `nil` where that cannot be, or enough files are mapped.
    init?(_ file: OpenFile, budget: SessionFileWindows) {
        guard budget.take() else { return nil }
        guard let memory = try? SharedMemory(beginningOf: file, byteCount: SlotLayout.first.pairByteCount) else {
            budget.give()
            return nil
        }
        self.memory = memory
        self.budget = budget
    }

    deinit { self.budget.give() }

    /// What the pair shows now, if the state at a position is the newest one in it.
    ///
    /// It does not tell whether the file has grown since the position was read: the caller reads once more, or has the lock.
    func mark(of position: SessionSlots.Position, payload: Int) -> Mark? {
        guard position.layout == .first else { return nil }
        let end = position.layout.capacity * position.index + StoredSession.headByteCount + payload
        let mark = self.mark(position.index, end)
        guard mark.own.generation == position.generation, mark.checksum == position.checksum, mark.other.isBelow(position.generation)
        else { return nil }
        return mark
    }

    /// Whether the pair still shows the same.
    func shows(_ mark: Mark) -> Bool { self.mark(mark.index, mark.end) == mark }

    /// Writes the slot that is not the current one; needs the lock.
    ///
    /// - Returns: `false` where memory did not show the file's current state afterwards, or cannot be written: the file may have some of the bytes.
    func write(_ bytes: RawSpan, besides current: SessionSlots.Position) -> Bool {
        guard self.memory.isWritable, current.layout == .first else { return false }
        self.memory.write(bytes, at: current.layout.offset(ofSlot: 1 - current.index))
        let head = self.head(current.index)
        return head.first != 0 && head.generation == current.generation
    }

    private func mark(_ index: Int, _ end: Int) -> Mark {
        Mark(index: index, end: end, own: self.head(index), checksum: self.word(at: end), other: self.head(1 - index))
    }

    private func head(_ index: Int) -> Head {
        let place = index * SlotLayout.first.capacity / 8
        return Head(
            first: self.memory.load(place),
            generation: UInt64(bigEndian: self.memory.load(place + StoredSession.generationOffset / 8))
        )
    }

    /// The little-endian number at an offset.
    private func word(at offset: Int) -> UInt64 {
        let low = UInt64(littleEndian: self.memory.load(offset / 8))
        let shift = UInt64(offset % 8 * 8)
        if shift == 0 { return low }
        return low >> shift | UInt64(littleEndian: self.memory.load(offset / 8 + 1)) << (64 - shift)
    }
}

extension SessionFileWindow.Head {
    /// Whether the slot holds an older state or marker than the given one, was erased, or was never written; not where a file has grown, or a
    /// write is under way.
    fileprivate func isBelow(_ generation: UInt64) -> Bool {
        switch (self.first, self.generation) {
        case (0, 0), (.max, .max): true
        case (.max, _): false
        case (let first, let other): first != SessionFileWindow.growing && other < generation
        }
    }
}

extension SessionFileWindow {
    fileprivate static let growing = SessionSlots.growing.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
}
