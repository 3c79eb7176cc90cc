internal import Synchronization

/// A wall clock that all processes of a directory agree on, and that follows a step of the system's only when that is confirmed, see
/// ``ClockStepFilter``.
///
/// What they agree on is in a page of memory behind a file; asking costs no system call. It means nothing after the next start of the machine,
/// and then begins anew with the wall clock as it is. Somebody may remove the file, such as a cleaner of temporary files: each process looks once
/// a second, and makes it anew with the numbers it knows or goes over to the one that another process has made.
package final class SteadyWallClock: Sendable {
    private static let file = "clock"
    private static let magic: UInt64 = 0x5053_434C_0000_0001  // "PSCL", version 1

    private enum Word: Int {
        case magic = 0
        case machineStart = 1
        case offset = 2
        case pendingOffset = 3
        /// 0: none is pending.
        case pendingSince = 4
    }

    private struct Mapping {
        var page: SharedMemory
        /// When its file was last found to have its name, in nanoseconds since the machine started.
        var checkedAt: Int64
    }

    private static let checkInterval: Int64 = 1_000_000_000

    private let directory: SecureDirectory
    private let mapping: Mutex<Mapping>
    private let wall: @Sendable () -> Int64
    private let boot: @Sendable () -> Int64

    /// Opens the clock of a directory, making its file where it is not there.
    ///
    /// - Parameters:
    ///   - directory: A directory that is ours alone.
    ///   - machineStart: What tells this start of the machine from others.
    ///   - wall: The system's wall clock, in nanoseconds since the epoch.
    ///   - boot: Nanoseconds since the machine started.
    /// - Throws: The system's error, also for a file that can only be read.
    package init(
        in directory: consuming SecureDirectory,
        machineStart: UInt64 = SteadyWallClock.machineStart,
        wall: @escaping @Sendable () -> Int64 = { WallClock.nanosecondsSinceEpoch() },
        boot: @escaping @Sendable () -> Int64 = { BootClock.now() }
    ) throws(SystemCallError) {
        let page = try Self.map(in: directory)
        self.directory = directory
        self.wall = wall
        self.boot = boot
        if page.load(Word.magic.rawValue) != Self.magic || page.load(Word.machineStart.rawValue) != machineStart {
            page.store(0, at: Word.pendingSince.rawValue)
            page.store(UInt64(bitPattern: wall() &- boot()), at: Word.offset.rawValue)
            page.store(machineStart, at: Word.machineStart.rawValue)
            page.store(Self.magic, at: Word.magic.rawValue)
        }
        self.mapping = Mutex(Mapping(page: page, checkedAt: boot()))
    }

    private static func map(in directory: borrowing SecureDirectory) throws(SystemCallError) -> SharedMemory {
        let page = try SharedMemory(mapping: directory.openOrCreateFile(Self.file))
        guard page.isWritable else { throw .readOnly }
        return page
    }

    /// The page, after a look at its file if that is due.
    private func page(at boot: Int64) -> SharedMemory {
        self.mapping.withLock { mapping in
            guard boot &- mapping.checkedAt >= Self.checkInterval else { return mapping.page }
            mapping.checkedAt = boot
            // Where no other can be made, the one that is there goes on.
            guard !mapping.page.isStillLinked, let other = try? Self.map(in: self.directory) else { return mapping.page }
            if other.load(Word.magic.rawValue) != Self.magic {
                for word in [Word.pendingOffset, .pendingSince, .offset, .machineStart, .magic] {
                    other.store(mapping.page.load(word.rawValue), at: word.rawValue)
                }
            }
            mapping.page = other
            return other
        }
    }

    /// The time that counts, in nanoseconds since the epoch.
    package func nanosecondsSinceEpoch() -> Int64 {
        let boot = self.boot()
        let page = self.page(at: boot)
        let before = Self.jumps(in: page)
        var after = before
        let time = after.time(wall: self.wall(), boot: boot)
        // Several processes may find out the same at once; they write the same.
        if after.offset != before.offset { page.store(UInt64(bitPattern: after.offset), at: Word.offset.rawValue) }
        if after.pending != before.pending {
            if let pending = after.pending { page.store(UInt64(bitPattern: pending.offset), at: Word.pendingOffset.rawValue) }
            page.store(UInt64(bitPattern: after.pending?.since ?? 0), at: Word.pendingSince.rawValue)
        }
        return time
    }

    /// By how many nanoseconds the system's clock has stepped without being followed so far; `nil` when it has not.
    package var unconfirmedJump: Int64? {
        let jumps = Self.jumps(in: self.mapping.withLock { $0.page })
        return jumps.pending.map { $0.offset &- jumps.offset }
    }

    private static func jumps(in page: SharedMemory) -> ClockStepFilter {
        let since = Int64(bitPattern: page.load(Word.pendingSince.rawValue))
        let pending = ClockStepFilter.Pending(offset: Int64(bitPattern: page.load(Word.pendingOffset.rawValue)), since: since)
        return ClockStepFilter(offset: Int64(bitPattern: page.load(Word.offset.rawValue)), pending: since == 0 ? nil : pending)
    }

    /// A number that is another one after each start of the machine (`random(4)`, `boot_id`).
    package static let machineStart: UInt64 =
        ProcFile.contents(of: "/proc/sys/kernel/random/boot_id")?.reduce(14_695_981_039_346_656_037) {
            ($0 ^ UInt64($1)) &* 1_099_511_628_211
        }
        ?? 0
}

/// Tells steps of the wall clock from the passing of time, by the time since the machine started, which never steps (pure).
///
/// What differs little is followed at once: that is how time servers correct a clock. A step is followed only when the clock has stood by it
/// for a while; until then time goes on as if it had not happened, so that a clock that is wrong for a moment ends nothing.
package struct ClockStepFilter: Sendable, Hashable {
    /// A step that has not been confirmed.
    package struct Pending: Sendable, Hashable {
        /// The difference of the two clocks since the step, in nanoseconds.
        package var offset: Int64
        /// When it was seen first, in nanoseconds since the machine started.
        package var since: Int64
    }

    /// The greatest difference, in nanoseconds, that is followed at once.
    package static let tolerance: Int64 = 60_000_000_000
    /// For how many nanoseconds the clock has to stand by a step.
    package static let confirmation: Int64 = 600_000_000_000
    /// A difference, in nanoseconds, that is not worth noting.
    private static let grain: Int64 = 1_000_000

    /// By how much the wall clock is ahead of the time since the machine started, in nanoseconds.
    package private(set) var offset: Int64
    /// The step that has not been confirmed; `nil` when there is none.
    package private(set) var pending: Pending?

    /// Begins with the clocks as they are.
    package init(wall: Int64, boot: Int64) {
        self.init(offset: wall &- boot, pending: nil)
    }

    /// Goes on where others stand.
    package init(offset: Int64, pending: Pending?) {
        self.offset = offset
        self.pending = pending
    }

    /// The time that counts, in nanoseconds since the epoch, when the two clocks show this.
    package mutating func time(wall: Int64, boot: Int64) -> Int64 {
        let offset = wall &- boot
        if Self.isClose(offset, self.offset) {
            self.pending = nil
            if (offset &- self.offset).magnitude > Self.grain.magnitude { self.offset = offset }
            return wall
        }
        guard let pending, Self.isClose(offset, pending.offset) else {
            self.pending = Pending(offset: offset, since: boot)
            return boot &+ self.offset
        }
        guard boot &- pending.since >= Self.confirmation else { return boot &+ self.offset }
        self.offset = offset
        self.pending = nil
        return wall
    }

    private static func isClose(_ first: Int64, _ second: Int64) -> Bool {
        (first &- second).magnitude <= Self.tolerance.magnitude
    }
}
