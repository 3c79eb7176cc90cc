#if Redis
internal import Crypto

/// A script that a node runs in one step, known to it by the SHA-1 of its text.
struct RedisScript: Sendable {
    let text: String
    /// 40 hexadecimal digits.
    let hash: String
    /// Whether it changes what may not be lost.
    let isChange: Bool
    let purpose: RedisEvent.Purpose

    init(_ text: String, _ purpose: RedisEvent.Purpose, isChange: Bool = true) {
        self.text = text
        self.purpose = purpose
        self.isChange = isChange
        // Redis names scripts so; nothing is protected by it.
        let digits = Array("0123456789abcdef".utf8)
        let bytes = Insecure.SHA1.hash(data: Array(text.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        self.hash = String(decoding: bytes, as: UTF8.self)
    }

    /// All scripts, for the tool and for tests.
    static let all = [
        Self.create, .commit, .remove, .setAside, .adopt, .time, .index, .raiseUser, .loadControl, .beginEpoch, .beginLoginEpoch,
        .raiseMark,
        .raiseNumbers, .countAnonymous,
    ]

    // MARK: A session
    //
    // A session is compared by its head and its end, which holds the tag of the seal: no two states have both in common.

    private static let compare = """
        local now = redis.call('GET', KEYS[1])
        local same = now and string.sub(now, 1, 96) .. string.sub(now, -32) == ARGV[1]

        """

    private static let make = """
        if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
          redis.call('ZADD', KEYS[2], 0, ARGV[3])
          return 1
        end
        return redis.call('GET', KEYS[1])
        """

    // Keys: session, names. Values: bytes, milliseconds, name. 1: done; else what is there.
    static let create = RedisScript(Self.make, .create)

    // Keys: session, names. Values: bytes, milliseconds, name, until when it may happen. 1: done; 0: too late; else what is there.
    static let adopt = RedisScript(
        """
        local t = redis.call('TIME')
        if t[1] * 1000000 + t[2] > tonumber(ARGV[4]) then return 0 end

        """
            + Self.make,
        .create
    )

    // Key: any. The time of the node that keeps it, in microseconds since 1970.
    static let time = RedisScript(
        "local t = redis.call('TIME')\nreturn string.format('%.0f', t[1] * 1000000 + t[2])",
        .other,
        isChange: false
    )

    // Key: session. Values: what is expected, new bytes, milliseconds. 1: done; nothing: absent; else what is there.
    static let commit = RedisScript(
        Self.compare + """
            if same then
              redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
              return 1
            end
            return now
            """,
        .change
    )

    // Keys: session, names. Values: what is expected, name. 1: done; nothing: absent; else what is there.
    static let remove = RedisScript(
        Self.compare + """
            if same then redis.call('DEL', KEYS[1]) end
            if same or not now then redis.call('ZREM', KEYS[2], ARGV[2]) end
            if same then return 1 end
            return now
            """,
        .remove
    )

    // Keys: session, its place aside, names. Values: what is expected, name, milliseconds. 1: done.
    static let setAside = RedisScript(
        Self.compare + """
            if not same then return 0 end
            redis.call('RENAME', KEYS[1], KEYS[2])
            redis.call('PEXPIRE', KEYS[2], ARGV[3])
            redis.call('ZREM', KEYS[3], ARGV[2])
            return 1
            """,
        .remove
    )

    // MARK: Users

    // Key: the names of a user's sessions. Values: name, milliseconds. How many names are new.
    static let index = RedisScript(
        """
        local new = redis.call('SADD', KEYS[1], ARGV[1])
        if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
        return new
        """,
        .users
    )

    // Key: a user's number. Value: a number that it is not to be below.
    static let raiseUser = RedisScript(
        """
        if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
        return 1
        """,
        .users
    )

    // MARK: The numbers of all
    //
    // A number is microseconds since 1970, or 1 more than the greatest so far: a control that was lost comes back with greater numbers than
    // any session carries, and so ends all that began before.

    private static let next = """
        local t = redis.call('TIME')
        local n = t[1] * 1000000 + t[2]
        local old = redis.call('HMGET', KEYS[1], 'v', 'e', 'l')
        for i = 1, 3 do
          local o = tonumber(old[i] or '0')
          if o >= n then n = o + 1 end
        end
        local s = string.format('%.0f', n)
        if not (old[1] and old[2] and old[3]) then redis.call('HSET', KEYS[1], 'v', s, 'e', s, 'l', s) end

        """

    // Key: control. All its fields and values, made if there are none.
    static let loadControl = RedisScript(Self.next + "return redis.call('HGETALL', KEYS[1])", .control, isChange: false)

    // Key: control. The new epoch.
    static let beginEpoch = RedisScript(Self.next + "redis.call('HSET', KEYS[1], 'e', s, 'v', s)\nreturn s", .control)

    // Key: control. The new number of logins.
    static let beginLoginEpoch = RedisScript(Self.next + "redis.call('HSET', KEYS[1], 'l', s, 'v', s)\nreturn s", .control)

    // Key: control. Values: an epoch and a number of logins that those here are not to be below.
    static let raiseNumbers = RedisScript(
        """
        local t = redis.call('TIME')
        local n = t[1] * 1000000 + t[2]
        local old = redis.call('HMGET', KEYS[1], 'v', 'e', 'l')
        local v = tonumber(old[1] or '0')
        if v >= n then n = v + 1 end
        local e, l = old[2] or '0', old[3] or '0'
        if tonumber(e) < tonumber(ARGV[1]) then e = ARGV[1] end
        if tonumber(l) < tonumber(ARGV[2]) then l = ARGV[2] end
        redis.call('HSET', KEYS[1], 'e', e, 'l', l, 'v', string.format('%.0f', n))
        return 1
        """,
        .control
    )

    // Key: anonymous sessions. Value: how many were made. How many were made in all, were found by the last sweep, and had been made before it.
    static let countAnonymous = RedisScript(
        """
        if ARGV[1] ~= '0' then redis.call('HINCRBY', KEYS[1], 'made', ARGV[1]) end
        return redis.call('HMGET', KEYS[1], 'made', 'found', 'before')
        """,
        .control,
        isChange: false
    )

    // Key: control. Values: the field of a group, a number that it is not to be below.
    static let raiseMark = RedisScript(
        Self.next + """
            if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') < tonumber(ARGV[2]) then
              redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], 'v', s)
            end
            return 1
            """,
        .control
    )
}
#endif
