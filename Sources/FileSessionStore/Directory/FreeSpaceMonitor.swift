internal import ParanoidLinux
internal import Synchronization

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
