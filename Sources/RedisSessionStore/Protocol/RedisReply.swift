#if Redis
/// What a server has replied.
enum RedisReply: Sendable, Hashable {
    case bytes([UInt8])
    case integer(Int64)
    case null
    /// A short word, such as `OK`.
    case status(String)
    /// A word in capitals, and a sentence for people.
    case error(String)
    case array([RedisReply])

    /// The bytes of a string.
    var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }

    /// A number that may also come as digits.
    var number: UInt64? {
        switch self {
        case .integer(let number): UInt64(exactly: number)
        case .bytes(let digits): UInt64(String(decoding: digits, as: UTF8.self))
        default: nil
        }
    }

    /// The elements of a list.
    var elements: [RedisReply]? { if case .array(let elements) = self { elements } else { nil } }
}

/// How commands are written (RESP2).
enum RedisCoding {
    /// A command as bytes: an array of strings, each with its length before it.
    static func encode(_ words: [[UInt8]], into bytes: inout [UInt8]) {
        func line(_ mark: Unicode.Scalar, _ count: Int) {
            bytes.append(UInt8(ascii: mark))
            bytes.append(contentsOf: String(count).utf8)
            bytes.append(13)
            bytes.append(10)
        }
        bytes.reserveCapacity(bytes.count + words.reduce(16) { $0 + $1.count + 16 })
        line("*", words.count)
        for word in words {
            line("$", word.count)
            bytes.append(contentsOf: word)
            bytes.append(13)
            bytes.append(10)
        }
    }
}

/// A command, for the node that keeps its keys.
struct RedisCommand: Sendable {
    private enum Form {
        case words([[UInt8]])
        case script(RedisScript, keys: [[UInt8]], values: [[UInt8]])
    }

    /// The slot of its keys; `nil`: any node.
    let slot: UInt16?
    private let form: Form

    /// A command of Redis, whose second word is its key.
    init(_ name: String, key: [UInt8], _ others: [[UInt8]] = []) {
        self.slot = HashSlot.slot(of: key)
        self.form = .words([Array(name.utf8), key] + others)
    }

    /// A command without a key.
    init(_ words: [String]) {
        self.slot = nil
        self.form = .words(words.map { Array($0.utf8) })
    }

    /// A script; all keys share one slot.
    init(_ script: RedisScript, keys: [[UInt8]], values: [[UInt8]] = []) {
        self.slot = keys.first.map(HashSlot.slot(of:))
        self.form = .script(script, keys: keys, values: values)
    }

    /// Whether it changes what may not be lost.
    var isChange: Bool { if case .script(let script, _, _) = self.form { script.isChange } else { false } }

    /// What it is for.
    var purpose: RedisEvent.Purpose {
        switch self.form {
        case .script(let script, _, _): script.purpose
        case .words(let words):
            switch String(decoding: words.first ?? [], as: UTF8.self) {
            case "GET": .read
            case "HGET", "HGETALL", "HMGET": .control
            case "SMEMBERS", "SREM": .users
            default: .other
            }
        }
    }

    /// Writes something of no meaning beside the keys of a script, so that what was written there before is waited for as well.
    func encodedMark(asking: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        guard case .script(_, let keys, _) = self.form, let key = keys.first else { return bytes }
        let end = key.firstIndex(of: UInt8(ascii: "}")).map { $0 + 1 } ?? key.endIndex
        if asking { RedisCoding.encode([Array("ASKING".utf8)], into: &bytes) }
        RedisCoding.encode([Array("SET".utf8), key[..<end] + Array(":w".utf8), [], Array("PX".utf8), Array("60000".utf8)], into: &bytes)
        return bytes
    }

    /// The bytes that are sent.
    ///
    /// - Parameters:
    ///   - inFull: Whether a script is sent as text, as the node does not know it.
    ///   - asking: Whether the node is asked to serve a slot that is moving to it.
    func encoded(inFull: Bool = false, asking: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        if asking { RedisCoding.encode([Array("ASKING".utf8)], into: &bytes) }
        switch self.form {
        case .words(let words): RedisCoding.encode(words, into: &bytes)
        case .script(let script, let keys, let values):
            let head = inFull ? [Array("EVAL".utf8), Array(script.text.utf8)] : [Array("EVALSHA".utf8), Array(script.hash.utf8)]
            RedisCoding.encode(head + [Array(String(keys.count).utf8)] + keys + values, into: &bytes)
        }
        return bytes
    }
}
#endif
