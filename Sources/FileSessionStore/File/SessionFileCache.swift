internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The session files this process keeps open, at most so many; those not used for longest make room.
final class SessionFileCache: Sendable {
    private struct Entry {
        var file: SessionFile
        var isRecent: Bool
    }

    /// One of several parts, so that threads seldom meet.
    private struct Stripe {
        var entries: [Entry] = []
        var places: [SessionName: Int] = [:]
        /// Goes round the entries and takes the first that was not used since it came by last ("second chance").
        var hand = 0

        mutating func remove(at place: Int) {
            self.places[self.entries[place].file.name] = nil
            let lastEntry = self.entries.removeLast()
            if place < self.entries.count {
                self.entries[place] = lastEntry
                self.places[lastEntry.file.name] = place
            }
        }

        mutating func makeRoom() -> SessionFile? {
            if self.entries.isEmpty { return nil }
            while true {
                self.hand = self.hand + 1 < self.entries.count ? self.hand + 1 : 0
                if self.entries[self.hand].isRecent {
                    self.entries[self.hand].isRecent = false
                } else {
                    let file = self.entries[self.hand].file
                    self.remove(at: self.hand)
                    return file
                }
            }
        }
    }

    private final class Part: Sendable {
        let stripe = Mutex(Stripe())
    }

    private static let partCount = 16
    private let parts: [Part]
    private let capacityPerPart: Int

    /// Creates an empty cache.
    ///
    /// - Parameter capacity: The most files kept open; `nil` takes half of what the process may have open.
    init(capacity: Int?) {
        let fitting = capacity ?? min((ProcessFacts.descriptorLimit ?? 1024) / 2, 2048)
        self.capacityPerPart = max(1, fitting / Self.partCount)
        self.parts = (0..<Self.partCount).map { _ in Part() }
    }

    private func part(of name: SessionName) -> Part {
        self.parts[Int(truncatingIfNeeded: name.prefix >> 40) & (Self.partCount - 1)]
    }

    /// The number of files kept open.
    var count: Int { self.parts.reduce(0) { $0 + $1.stripe.withLock { $0.entries.count } } }

    /// A file kept open.
    func file(named name: SessionName) -> SessionFile? {
        self.part(of: name).stripe.withLock { stripe in
            guard let place = stripe.places[name] else { return nil }
            stripe.entries[place].isRecent = true
            return stripe.entries[place].file
        }
    }

    /// Keeps a file open, unless another task was faster.
    ///
    /// - Returns: The file to use: all tasks of a process must use the same one, as they share its lock.
    func keep(_ file: SessionFile) -> SessionFile {
        // What makes room is closed only after the lock is released.
        let (kept, evicted) = self.part(of: file.name).stripe.withLock { stripe -> (SessionFile, SessionFile?) in
            if let place = stripe.places[file.name] { return (stripe.entries[place].file, nil) }
            let evicted = stripe.entries.count >= self.capacityPerPart ? stripe.makeRoom() : nil
            stripe.places[file.name] = stripe.entries.count
            stripe.entries.append(Entry(file: file, isRecent: true))
            return (file, evicted)
        }
        _ = evicted
        return kept
    }

    /// Keeps a file open in the place of another that has lost its name.
    func replace(with file: SessionFile) {
        _ = self.part(of: file.name).stripe.withLock { stripe -> SessionFile? in
            guard let place = stripe.places[file.name] else { return nil }
            let old = stripe.entries[place].file
            stripe.remove(at: place)
            return old
        }
        _ = self.keep(file)
    }

    /// Forgets a file that turned out not to be what its name means any more.
    func drop(_ file: SessionFile) {
        self.part(of: file.name).stripe.withLock { stripe in
            guard let place = stripe.places[file.name], stripe.entries[place].file === file else { return }
            stripe.remove(at: place)
        }
    }

    /// Closes the file of a session that is gone, if it is kept open.
    func forget(_ name: SessionName) {
        if let file = self.file(named: name) { self.drop(file) }
    }

    /// Closes some files, because the process has no descriptors left.
    ///
    /// - Returns: Whether any was closed.
    func shed() -> Bool {
        let files = self.parts.compactMap { $0.stripe.withLock { $0.makeRoom() } }
        return !files.isEmpty
    }
}
