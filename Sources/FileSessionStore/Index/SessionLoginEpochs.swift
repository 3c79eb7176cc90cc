internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// Which logins of a user have been ended: those that carry a lower number than the user's own.
///
/// The number is the name of an empty file, so that nothing can be torn and nobody locks anything. The control page holds a mark for each
/// group of users, the greatest number of them: a login that reaches it stands, and costs no look at a file. One that does not may be another
/// user's of that group; then the user's own number counts, which this process keeps as long as the mark stays.
final class SessionLoginEpochs: Sendable {
    /// The directory, below that of the store.
    static let directory = "epochs"
    /// All its parts, in order.
    static let shards: [String] = SessionDirectory.shards
    private static let tagDigits = 32
    private static let numberDigits = 16
    private static let capacity = 4096

    private struct Known {
        var mark: UInt64
        var epoch: UInt64
    }

    private let isDurable: Bool
    private let faults: FileFaults?
    private let known = Mutex<[UserTag: Known]>([:])

    init(isDurable: Bool, faults: FileFaults?) {
        self.isDurable = isDurable
        self.faults = faults
    }

    private static func shard(ofTag digits: String) -> String { "\(self.directory)/\(digits.prefix(2))" }

    /// The user's tag and the number that an entry stands for; `nil` for anything that is not the name of one.
    static func parse(_ entry: String) -> (tag: Substring, epoch: UInt64)? {
        guard entry.utf8.count == Self.tagDigits + 1 + Self.numberDigits else { return nil }
        let dot = entry.utf8.index(entry.startIndex, offsetBy: Self.tagDigits)
        guard entry.utf8[dot] == UInt8(ascii: "."), let epoch = UInt64(entry[entry.utf8.index(after: dot)...], radix: 16) else {
            return nil
        }
        return (entry[..<dot], epoch)
    }

    /// Notes that the logins of a user that carry a lower number have ended; the caller raises the mark afterwards.
    func raise(_ tag: UserTag, to epoch: UInt64, in root: borrowing SecureDirectory) throws(SystemCallError) {
        try self.faults.check(.index)
        let digits = tag.hexadecimal
        let shard = Self.shard(ofTag: digits)
        let number = String(epoch, radix: 16)
        let path = "\(shard)/\(digits).\(String(repeating: "0", count: Self.numberDigits - number.utf8.count))\(number)"
        while true {
            do throws(SystemCallError) {
                _ = try root.createFile(path)
                break
            } catch  where error.isAlreadyThere {
                break
            } catch  where error.isAbsent {
                let isNew = try root.makeDirectory(Self.directory)
                let isNewShard = try root.makeDirectory(shard)
                if self.isDurable && isNew { try root.synchronize() }
                if self.isDurable && isNewShard { try root.synchronize(Self.directory) }
            }
        }
        if self.isDurable { try root.synchronize(shard) }
        // What is lower says nothing any more.
        guard let entries = try? SessionUserIndex.entries(of: shard, in: root) else { return }
        for entry in entries {
            if let (owner, number) = Self.parse(entry), owner == digits, number < epoch { try? root.removeFile("\(shard)/\(entry)") }
        }
    }

    /// Whether a login that does not reach the mark of its group has ended.
    func hasEnded(
        _ tag: UserTag,
        _ epoch: UInt64,
        mark: UInt64,
        in root: borrowing SecureDirectory
    ) throws(SecureDirectoryError) -> Bool {
        if let known = self.known.withLock({ $0[tag] }), known.mark == mark { return epoch < known.epoch }
        let digits = tag.hexadecimal
        let numbers = try SessionUserIndex.entries(of: Self.shard(ofTag: digits), in: root).compactMap { Self.parse($0) }
            .filter { $0.tag == digits }.map(\.epoch)
        let known = Known(mark: mark, epoch: numbers.max() ?? 0)
        self.known.withLock { all in
            if all.count >= Self.capacity { all.removeAll() }
            all[tag] = known
        }
        return epoch < known.epoch
    }
}
