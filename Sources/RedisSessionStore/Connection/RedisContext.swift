#if Redis
internal import CHiredis
internal import ParanoidLinux

/// A connection of hiredis that never blocks once its host's name is known; one thread uses it.
///
/// Not its asynchronous interface, which frees a context within its own calls: descriptor, deadlines and order are the caller's here.
@safe
final class RedisContext {
    private let context: UnsafeMutablePointer<redisContext>

    /// Begins to connect; blocks while a host's name is looked up.
    init(to endpoint: RedisEndpoint) throws(RedisFailure) {
        let made: UnsafeMutablePointer<redisContext>? =
            switch endpoint {
            case .tcp(let host, let port): unsafe redisConnectNonBlock(host, CInt(port))
            case .unix(let path): unsafe redisConnectUnixNonBlock(path)
            }
        guard let made = unsafe made else { throw .away("no memory") }
        guard unsafe made.pointee.err == 0 else {
            let text = unsafe Self.problem(made)
            unsafe redisFree(made)
            throw .away(text)
        }
        unsafe self.context = made
    }

    deinit { unsafe redisFree(self.context) }

    private static func problem(_ context: UnsafeMutablePointer<redisContext>) -> String {
        unsafe withUnsafeBytes(of: context.pointee.errstr) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    var descriptor: CInt { unsafe self.context.pointee.fd }

    /// Puts bytes of commands behind those that are to be written.
    func append(_ bytes: [UInt8]) throws(RedisFailure) {
        let code = unsafe bytes.withUnsafeBytes { buffer in
            unsafe redisAppendFormattedCommand(self.context, buffer.bindMemory(to: CChar.self).baseAddress, buffer.count)
        }
        guard code == REDIS_OK else { throw .away(unsafe Self.problem(self.context)) }
    }

    /// Writes what can be written without waiting.
    ///
    /// - Returns: Whether nothing is left.
    func write() throws(RedisFailure) -> Bool {
        var isDone: CInt = 0
        guard unsafe redisBufferWrite(self.context, &isDone) == REDIS_OK else { throw .away(unsafe Self.problem(self.context)) }
        return isDone != 0
    }

    /// Reads what is there, at most 16 KiB; the poll reports more.
    ///
    /// - Returns: The replies that are complete.
    func read() throws(RedisFailure) -> [RedisReply] {
        guard unsafe redisBufferRead(self.context) == REDIS_OK else { throw .away(unsafe Self.problem(self.context)) }
        var replies: [RedisReply] = []
        while true {
            var reply: UnsafeMutableRawPointer?
            guard unsafe redisGetReplyFromReader(self.context, &reply) == REDIS_OK else {
                throw .away(unsafe Self.problem(self.context))
            }
            guard let found = unsafe reply else { return replies }
            unsafe replies.append(Self.reply(found.assumingMemoryBound(to: redisReply.self)))
            unsafe freeReplyObject(found)
        }
    }

    private static func reply(_ reply: UnsafeMutablePointer<redisReply>) -> RedisReply {
        let bytes = unsafe UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.str == nil ? 0 : reply.pointee.len)
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_STRING: return .bytes(unsafe Array(bytes))
        case REDIS_REPLY_INTEGER: return .integer(unsafe reply.pointee.integer)
        case REDIS_REPLY_STATUS: return .status(unsafe String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(unsafe String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            let count = unsafe reply.pointee.elements
            return .array((0..<count).map { index in unsafe reply.pointee.element[index].map { unsafe Self.reply($0) } ?? .null })
        default: return .null
        }
    }
}
#endif
