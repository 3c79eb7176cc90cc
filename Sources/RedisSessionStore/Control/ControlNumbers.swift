#if Redis
internal import ParanoidSessions

/// The numbers that count for all sessions, as one reply has told them.
struct ControlNumbers: Sendable, Equatable {
    /// Users share a mark with those whose tags begin alike, so that the numbers stay few.
    static let groupCount = 256

    /// Grows with every change of the others.
    var version: UInt64
    /// Sessions of an earlier epoch have ended.
    var epoch: UInt64
    /// What logins carry.
    var loginEpoch: UInt64
    /// For each group of users, the greatest number below which logins of one of them have ended.
    var marks: [UInt64]

    static func group(of tag: UserTag) -> Int { Int(tag.bytes[0]) }
    static func field(ofGroup group: Int) -> [UInt8] { Array("m\(group)".utf8) }

    /// What a stored number of logins counts for: at least 1.
    ///
    /// Files in which no login was ever ended count from 0, and here 0 says that the number is not known. No mark is above either.
    static func loginEpoch(stored number: UInt64) -> UInt64 { max(number, 1) }

    /// Reads fields and values, one after the other; `nil` when they are not complete.
    init?(_ reply: RedisReply) {
        guard let elements = reply.elements, elements.count % 2 == 0 else { return nil }
        var numbers: [String: UInt64] = [:]
        for index in stride(from: 0, to: elements.count, by: 2) {
            guard let name = elements[index].bytes, let number = elements[index + 1].number else { return nil }
            numbers[String(decoding: name, as: UTF8.self)] = number
        }
        guard let version = numbers["v"], let epoch = numbers["e"], let loginEpoch = numbers["l"] else { return nil }
        self.version = version
        self.epoch = epoch
        self.loginEpoch = Self.loginEpoch(stored: loginEpoch)
        self.marks = (0..<Self.groupCount).map { numbers["m\($0)"] ?? 0 }
    }

    /// The greater of the numbers of both: a replica that took over may know less than this process.
    func joined(with older: Self) -> Self {
        var joined = self
        joined.epoch = max(self.epoch, older.epoch)
        joined.loginEpoch = max(self.loginEpoch, older.loginEpoch)
        joined.marks = zip(self.marks, older.marks).map { max($0, $1) }
        return joined
    }
}
#endif
