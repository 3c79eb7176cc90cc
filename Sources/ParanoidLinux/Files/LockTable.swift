// The text of /proc/locks (pure; see proc_locks(5)).

/// Reads the system's table of file locks.
internal enum LockTable {
    /// Finds who holds a `flock(2)` lock on a file.
    ///
    /// A line reads `7: FLOCK  ADVISORY  WRITE 4242 08:01:131075 0 EOF`; one with `->` after the number waits for the lock instead.
    static func holder(of identity: FileIdentity, in text: [UInt8]) -> Int32? {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count >= 6, words[1].elementsEqual("FLOCK".utf8) else { continue }
            let place = words[5].split(separator: UInt8(ascii: ":"))
            guard place.count == 3,
                let major = number(place[0], radix: 16), let minor = number(place[1], radix: 16), let inode = number(place[2], radix: 10),
                inode == identity.inode, self.device(major: major, minor: minor) == identity.device,
                let process = number(words[4], radix: 10), process > 0
            else { continue }
            return Int32(exactly: process)
        }
        return nil
    }

    /// The device number as `stat(2)` gives it (`makedev(3)`).
    static func device(major: UInt64, minor: UInt64) -> UInt64 {
        (major & 0xFFFF_F000) << 32 | (major & 0xFFF) << 8 | (minor & 0xFFFF_FF00) << 12 | (minor & 0xFF)
    }

    private static func number(_ digits: ArraySlice<UInt8>, radix: Int) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: radix)
    }
}
