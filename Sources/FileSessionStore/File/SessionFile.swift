internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// A session's file, open, shared by all tasks of this process that use the session.
///
/// The file keeps its inode all its life, so the lock of the inode is the lock of the session. Reading takes no lock.
final class SessionFile: Sendable {
    /// What the file says.
    enum Contents: Sendable {
        case session(StoredSession, at: SessionSlots.Position)
        case removed(at: SessionSlots.Position)
        /// Created, but not written yet, or never: whoever began it died. Not a session.
        case unfinished
        /// Written by a newer version of this code.
        case foreign
        /// Neither a session nor a marker.
        case unreadable
    }

    /// What was seen last; always a whole state that the file had.
    private struct View {
        var last: SlotLayout
        var known: (position: SessionSlots.Position, session: StoredSession)?
        var identity: FileIdentity?
        var checkedAt: Int64
        var window: SessionFileWindow?
        /// What the window shows for as long as ``known`` is the newest state.
        var mark: SessionFileWindow.Mark?
        /// How often reading has found nothing new while there was no window.
        var looks = 0
        /// When a system call has written the file last, by ``CoarseClock``; the least time where the last one failed.
        var writtenAt: Int64 = .min

        /// What is known if it is still the newest state, as far as memory tells.
        var proven: (position: SessionSlots.Position, session: StoredSession)? {
            guard let known, let window, let mark, window.shows(mark) else { return nil }
            return known
        }

        /// The mark of what is known, to be confirmed by reading.
        var candidate: SessionFileWindow.Mark? {
            guard let known, let window else { return nil }
            return window.mark(of: known.position, payload: known.session.payload.count)
        }
    }

    /// How many bytes more than the pair are asked for: if they come, the file has grown.
    private static let growthProbe = 64
    /// A file that was found unchanged so often gets a window.
    private static let looksBeforeWindow = 3
    /// How long writes through memory may follow one by a system call, in nanoseconds: the file's times are right within a second, for the
    /// sweeper (``SweepNote``) and for those who make copies.
    private static let writesThroughMemory: Int64 = 1_000_000_000
    /// Payloads above this size are not kept in memory.
    private static let keptPayload = 16 * 1024

    /// The session's name.
    let name: SessionName
    /// The path below the store's directory.
    let path: String
    /// The open file.
    let file: OpenFile
    private let windows: SessionFileWindows?
    let faults: FileFaults?
    let turns = Mutex(LockWaitQueue())
    private let view: Mutex<View>

    /// - Parameter windows: `nil` where others than processes of this host may change the file.
    init(
        name: SessionName,
        path: String,
        file: OpenFile,
        last: SlotLayout,
        identity: FileIdentity?,
        windows: SessionFileWindows?,
        faults: FileFaults?
    ) {
        self.name = name
        self.path = path
        self.file = file
        self.windows = windows
        self.faults = faults
        self.view = Mutex(View(last: last, known: nil, identity: identity, checkedAt: CoarseClock.now()))
    }

    // MARK: Reading

    /// Reads the newest whole state: from memory if that shows it, else with one `pread(2)` while the file does not grow.
    func load() throws(SystemCallError) -> Contents {
        try self.faults.check(.read)
        if let known = self.view.withLock({ $0.proven }) { return .session(known.session, at: known.position) }
        while true {
            let (last, known, mark) = self.view.withLock { ($0.last, $0.known, $0.candidate) }
            let (count, finding) = try self.find(in: last, known: known?.position, extra: Self.growthProbe)
            switch finding {
            case .unchanged?:
                guard let known else { break }
                self.confirm(known.position, mark)
                return .session(known.session, at: known.position)
            case let finding?: return try self.contents(finding, in: last)
            case nil: break
            }
            let size = try self.file.status().size
            if size == 0 { return .unfinished }
            guard let layout = SlotLayout.last(inFileOf: size) else { return .unreadable }
            if layout == last && size > layout.fileByteCount && count > layout.pairByteCount {
                return try self.loadPartlyGrown(layout)
            }
            self.view.withLock { $0.last = layout }
        }
    }

    /// Reads and judges a pair; the finding is `nil` when more or fewer bytes than those of the pair came.
    private func find(
        in layout: SlotLayout,
        known: SessionSlots.Position?,
        extra: Int
    ) throws(SystemCallError) -> (count: Int, finding: SessionSlots.Finding?) {
        // Most sessions are small, and their pair fits on the stack.
        guard layout == .first, extra <= Self.growthProbe else {
            return try unsafe withUnsafeTemporaryAllocation(byteCount: layout.pairByteCount + extra, alignment: 16) {
                (buffer) throws(SystemCallError) in try unsafe self.find(in: layout, known: known, buffer)
            }
        }
        var words = InlineArray<520, UInt64>(repeating: 0)
        var span = words.mutableSpan
        return try unsafe span.withUnsafeMutableBytes { (buffer) throws(SystemCallError) in
            let used = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<(layout.pairByteCount + extra)])
            return try unsafe self.find(in: layout, known: known, used)
        }
    }

    private func find(
        in layout: SlotLayout,
        known: SessionSlots.Position?,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> (count: Int, finding: SessionSlots.Finding?) {
        let count = try unsafe self.file.read(into: buffer, at: layout.offset)
        guard count == layout.pairByteCount else { return (count, nil) }
        let pair = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
        return (count, unsafe SessionSlots.judge(pair, layout: layout, name: self.name.prefix, known: known))
    }

    /// What a finding in the last pair of the file means.
    private func contents(_ finding: SessionSlots.Finding, in layout: SlotLayout) throws(SystemCallError) -> Contents {
        switch finding {
        case .unchanged: return .unreadable
        case .session(let session, let position):
            self.remember(session, at: position)
            return .session(session, at: position)
        case .removed(let position): return .removed(at: position)
        case .foreign: return .foreign
        case .nothing(.used): return .unreadable
        case .nothing(.begun), .nothing(.blank):
            // Growing the file was interrupted: the state before is in a smaller pair.
            guard layout.level > 0 else { return .unreadable }
            let smaller = SlotLayout(level: layout.level - 1)
            guard let finding = try self.find(in: smaller, known: nil, extra: 0).finding else { return .unreadable }
            return try self.contents(finding, in: smaller)
        }
    }

    /// Reads a file that ends within a pair: whoever made it grow, or made it, died or is still at work.
    private func loadPartlyGrown(_ layout: SlotLayout) throws(SystemCallError) -> Contents {
        for level in stride(from: layout.level, through: 0, by: -1) {
            let layout = SlotLayout(level: level)
            guard let finding = try self.find(in: layout, known: nil, extra: 0).finding else { return .unreadable }
            if finding == .nothing(.blank) { continue }
            return try self.contents(finding, in: layout)
        }
        return .unfinished
    }

    /// - Parameter isLocked: Whether nobody else can have changed the file since.
    private func remember(_ session: StoredSession, at position: SessionSlots.Position, isLocked: Bool = false) {
        let isKept = session.payload.count <= Self.keptPayload
        self.view.withLock { view in
            view.known = isKept ? (position, session) : nil
            view.mark = isLocked ? view.candidate : nil
        }
    }

    /// Notes that reading has found what is known to be the newest state, after memory had shown `mark`.
    private func confirm(_ position: SessionSlots.Position, _ mark: SessionFileWindow.Mark?) {
        let wantsWindow = self.view.withLock { view in
            guard view.known?.position == position else { return false }
            if view.window != nil {
                view.mark = mark
                return false
            }
            view.looks += 1
            return view.looks % Self.looksBeforeWindow == 0 && position.layout == .first
        }
        guard wantsWindow, let windows = self.windows, let window = SessionFileWindow(self.file, budget: windows) else { return }
        self.view.withLock { if $0.window == nil { $0.window = window } }
    }

    /// Whether memory shows that what is known is the newest state.
    var isProven: Bool { self.view.withLock { $0.proven != nil } }

    // MARK: Identity

    /// What the last look at the name was, for ``SessionDirectory/leads(to:)``.
    var identity: FileIdentity? {
        get { self.view.withLock { $0.identity } }
        set { self.view.withLock { $0.identity = newValue } }
    }

    /// Whether the name was not looked at for `interval` nanoseconds; the caller who is told so is the one to look.
    func isCheckDue(after interval: Int64) -> Bool {
        let now = CoarseClock.now()
        return self.view.withLock { view in
            guard now - view.checkedAt >= interval else { return false }
            view.checkedAt = now
            return true
        }
    }

    // MARK: Changing; all below needs the lock, or a file that nobody knows yet

    /// Writes the first state into a new file, with room for the next, so that later changes need no space.
    func writeFirst(_ session: StoredSession, isDurable: Bool) throws(SystemCallError) {
        let layout = self.view.withLock { $0.last }
        try self.faults.check(.writeFirst)
        try self.writePair(session, layout)
        if isDurable { try self.synchronize() }
    }

    /// Replaces the state at `current`, which stays as it is until the new one is complete.
    func write(_ session: StoredSession, over current: SessionSlots.Position, isDurable: Bool) throws(SystemCallError) {
        let last = self.view.withLock { $0.last }
        let byteCount = session.payload.count + SessionSlots.overhead
        guard let target = SessionSlots.target(byteCount, current: current, last: last) else {
            preconditionFailure("larger than any configuration allows")
        }
        if target.isNew {
            try self.grow(session, from: current, to: target.layout, isDurable: isDurable)
        } else {
            try self.replace(session, over: current, isDurable: isDurable)
        }
        if session.state == .ended {
            // So that no damage to this slot brings the session back to life. It is ended already, so nobody needs to hear of a failure.
            try? self.erase(current.layout, current.index)
        }
    }

    private func replace(_ session: StoredSession, over current: SessionSlots.Position, isDurable: Bool) throws(SystemCallError) {
        let (layout, index) = (current.layout, 1 - current.index)
        let checksum: UInt64
        let window = isDurable || session.state == .ended ? nil : self.writableWindow()
        do {
            try self.faults.check(.write)
            checksum = try SessionSlots.withEncoded(session, name: self.name.prefix, layout: layout, index: index) {
                (bytes) throws(SystemCallError) in
                if let window {
                    if window.write(bytes, besides: current) { return }
                    // What that memory shows from now on is not the file's.
                    self.view.withLock { $0.window = nil }
                }
                try self.file.write(bytes, at: layout.offset(ofSlot: index))
                self.view.withLock { $0.writtenAt = CoarseClock.now() }
            }
            if isDurable { try self.synchronize() }
        } catch {
            // A file system that takes no more writes may still take what goes into memory, and lose it.
            self.view.withLock { $0.writtenAt = .min }
            // The caller is told that nothing changed, so nothing may have.
            try? self.erase(layout, index)
            throw error
        }
        self.remember(
            session,
            at: SessionSlots.Position(layout: layout, index: index, generation: session.generation, checksum: checksum),
            isLocked: true
        )
    }

    /// What shows the file in memory, if a system call has written it a moment ago; without one, the caller is about to make one.
    private func writableWindow() -> SessionFileWindow? {
        let earliest = CoarseClock.now() - Self.writesThroughMemory
        return self.view.withLock { $0.writtenAt > earliest ? $0.window : nil }
    }

    private func grow(
        _ session: StoredSession,
        from current: SessionSlots.Position,
        to layout: SlotLayout,
        isDurable: Bool
    ) throws(SystemCallError) {
        let before = try self.file.status().size
        do {
            try self.faults.check(.grow)
            if current.layout == .first { try self.write(SessionSlots.growing, at: current.layout.offset(ofSlot: 1 - current.index)) }
            try self.writePair(session, layout)
            if isDurable { try self.synchronize() }
        } catch {
            if current.layout == .first { try? self.erase(current.layout, 1 - current.index) }
            // A pair that existed was not in use: an empty one says so again.
            if before < layout.fileByteCount {
                try? self.file.truncate(to: before)
            } else {
                try? self.write([UInt8](repeating: 0, count: StoredSession.headByteCount), at: layout.offset)
            }
            throw error
        }
        self.view.withLock { $0.last = layout }
    }

    private func writePair(_ session: StoredSession, _ layout: SlotLayout) throws(SystemCallError) {
        var bytes = SessionSlots.encode(session, name: self.name.prefix, layout: layout, index: 0)
        let checksum = SessionSlots.checksum(of: bytes)
        bytes.append(contentsOf: repeatElement(0, count: layout.pairByteCount - bytes.count))
        try self.write(bytes, at: layout.offset)
        self.remember(
            session,
            at: SessionSlots.Position(layout: layout, index: 0, generation: session.generation, checksum: checksum)
        )
    }

    /// Writes a marker that tells everybody who has the file open that the session is no more.
    ///
    /// The state at `current` stays in its slot.
    func markRemoved(over current: SessionSlots.Position, isDurable: Bool) throws(SystemCallError) {
        let index = 1 - current.index
        let marker = SessionSlots.encodeMarker(
            generation: current.generation + 1,
            name: self.name.prefix,
            layout: current.layout,
            index: index
        )
        do {
            try self.faults.check(.mark)
            try self.write(marker, at: current.layout.offset(ofSlot: index))
            if isDurable { try self.synchronize() }
        } catch {
            try? self.erase(current.layout, index)
            throw error
        }
    }

    private func erase(_ layout: SlotLayout, _ index: Int) throws(SystemCallError) {
        try self.faults.check(.erase)
        try self.write(SessionSlots.eraser, at: layout.offset(ofSlot: index))
    }

    private func synchronize() throws(SystemCallError) {
        try self.faults.check(.synchronize)
        try self.file.synchronize()
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws(SystemCallError) {
        try unsafe self.file.write(bytes.span.bytes, at: offset)
    }
}

/// A step that changes files, in the order in which a crash between two of them matters.
enum FileStep: Sendable, Hashable, CaseIterable {
    case createFile
    case writeFirst
    case lock
    case read
    case write
    case grow
    case erase
    case mark
    case synchronize
    case remove
    case moveAside
    case index
    case note
}

/// Lets tests fail or end the process before any step; in production there is none.
struct FileFaults: Sendable {
    /// Called before each step; what it throws is taken for the step's own failure.
    var before: @Sendable (FileStep) throws(SystemCallError) -> Void
}

extension FileFaults? {
    func check(_ step: FileStep) throws(SystemCallError) {
        try self?.before(step)
    }
}
