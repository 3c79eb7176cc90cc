internal import Glibc
internal import Synchronization

/// A wall clock that all processes of a directory agree on, and that follows a step of the system's only when that is confirmed, see
/// ``ClockStepFilter``.
///
/// What they agree on is in a page of memory behind a file; asking costs no system call. It means nothing after the next start of the machine,
/// and then begins anew with the wall clock as it is. Somebody may remove the file, such as a cleaner of temporary files: each process looks once
/// a second, and makes it anew with the numbers it knows or goes over to the one that another process has made. Something else that has the
/// file's name, or a file that was cut, is no loss either: it goes, and a new one is made.
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
        /// What the processes agreed on when this one asked last.
        var known: ClockStepFilter
    }

    private static let checkInterval: Int64 = 1_000_000_000

    private let directory: SecureDirectory
    private let mapping: Mutex<Mapping>
    /// The page of the mapping, and what was agreed on when it was looked at: as long as that stays, nobody takes the lock.
    private let published: PublishedMemory
    private let knownOffset: Atomic<Int64>
    private let machineStart: UInt64
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
        self.machineStart = machineStart
        self.wall = wall
        self.boot = boot
        let now = boot()
        if !Self.isWhole(page) || page.load(Word.machineStart.rawValue) != machineStart {
            Self.write(ClockStepFilter(wall: wall(), boot: now), machineStart, to: page)
        }
        let known = Self.jumps(in: page)
        self.mapping = Mutex(Mapping(page: page, checkedAt: now, known: known))
        self.published = PublishedMemory(page, checkedAt: now)
        self.knownOffset = Atomic(known.offset)
    }

    /// Maps the file; what has its name and is no such file goes.
    private static func map(in directory: borrowing SecureDirectory) throws(SystemCallError) -> SharedMemory {
        do throws(SystemCallError) { return try self.open(in: directory) } catch {
            if error.isOutOfSpace { throw error }
            try directory.removeFile(Self.file)
        }
        return try self.open(in: directory)
    }

    private static func open(in directory: borrowing SecureDirectory) throws(SystemCallError) -> SharedMemory {
        let file = try directory.openOrCreateFile(Self.file)
        // Access that root has given to the group of every file (`fsGroup`) goes; what others can write is no clock.
        let status = try file.privateStatus()
        guard status.kind == .regular, status.isOwn, !status.isShared else { throw SystemCallError("openat2", code: EPERM) }
        let page = try SharedMemory(mapping: file)
        guard page.isWritable else { throw .readOnly }
        return page
    }

    private static func isWhole(_ page: SharedMemory) -> Bool { page.load(Word.magic.rawValue) == self.magic }

    private static func write(_ jumps: ClockStepFilter, _ machineStart: UInt64, to page: SharedMemory) {
        page.store(UInt64(bitPattern: jumps.pending?.offset ?? 0), at: Word.pendingOffset.rawValue)
        page.store(UInt64(bitPattern: jumps.pending?.since ?? 0), at: Word.pendingSince.rawValue)
        page.store(UInt64(bitPattern: jumps.offset), at: Word.offset.rawValue)
        page.store(machineStart, at: Word.machineStart.rawValue)
        page.store(self.magic, at: Word.magic.rawValue)
    }

    /// Looks at the file if that is due, or if its numbers are gone.
    private func refresh(_ mapping: inout Mapping, at boot: Int64) {
        let isWhole = Self.isWhole(mapping.page)
        if boot &- mapping.checkedAt >= Self.checkInterval {
            mapping.checkedAt = boot
            if isWhole && mapping.page.isStillLinked { return }
        } else if isWhole {
            return
        }
        // Where no file can be made, the page that is there goes on, or one without a name until a file can be made.
        var next = try? Self.map(in: self.directory)
        if next == nil && !isWhole { next = try? SharedMemory(memoryFor: 5) }
        guard let next else { return }
        if !Self.isWhole(next) { Self.write(mapping.known, self.machineStart, to: next) }
        mapping.page = next
    }

    /// The time that counts, in nanoseconds since the epoch.
    package func nanosecondsSinceEpoch() -> Int64 {
        let boot = self.boot()
        let wall = self.wall()
        if self.isAgreed(wall: wall, boot: boot) { return wall }
        return self.mapping.withLock { mapping in
            self.refresh(&mapping, at: boot)
            defer {
                self.knownOffset.store(mapping.known.offset, ordering: .relaxed)
                self.published.publish(mapping.page, checkedAt: mapping.checkedAt)
            }
            let page = mapping.page
            let agreed = Self.jumps(in: page)
            // Looked at afterwards: the numbers may have gone meanwhile.
            let before = Self.isWhole(page) ? agreed : mapping.known
            var after = before
            let time = after.time(wall: wall, boot: boot)
            // Several processes may find out the same at once; they write the same.
            if after.offset != before.offset { page.store(UInt64(bitPattern: after.offset), at: Word.offset.rawValue) }
            if after.pending != before.pending {
                if let pending = after.pending { page.store(UInt64(bitPattern: pending.offset), at: Word.pendingOffset.rawValue) }
                page.store(UInt64(bitPattern: after.pending?.since ?? 0), at: Word.pendingSince.rawValue)
            }
            mapping.known = after
            return time
        }
    }

    /// Whether the clocks show what all agree on, so that nothing is to be noted and no file is to be looked at.
    private func isAgreed(wall: Int64, boot: Int64) -> Bool {
        let known = self.knownOffset.load(ordering: .relaxed)
        return self.published.read { page, checkedAt in
            guard boot &- checkedAt < Self.checkInterval else { return false }
            let agreed = Self.jumps(in: page)
            return Self.isWhole(page) && agreed.offset == known && agreed.isMet(wall: wall, boot: boot)
        }
    }

    /// By how many nanoseconds the system's clock has stepped without being followed so far; `nil` when it has not.
    package var unconfirmedJump: Int64? {
        self.mapping.withLock { mapping in
            let agreed = Self.jumps(in: mapping.page)
            let jumps = Self.isWhole(mapping.page) ? agreed : mapping.known
            return jumps.pending.map { $0.offset &- jumps.offset }
        }
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

    /// Whether ``time(wall:boot:)`` gives the wall clock's time and changes nothing.
    func isMet(wall: Int64, boot: Int64) -> Bool {
        self.pending == nil && ((wall &- boot) &- self.offset).magnitude <= Self.grain.magnitude
    }

    private static func isClose(_ first: Int64, _ second: Int64) -> Bool {
        (first &- second).magnitude <= Self.tolerance.magnitude
    }
}
