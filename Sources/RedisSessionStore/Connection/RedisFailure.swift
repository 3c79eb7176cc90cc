#if Redis
/// Why a command has no reply.
enum RedisFailure: Error, Sendable, Hashable {
    /// The server cannot be reached: it did not get the command.
    case away(String)
    /// The connection broke, or no reply came in time: the server may have carried the command out.
    case unanswered(String)
    /// The server has carried the command out, and too few replicas said in time that they have done so as well.
    case unreplicated(String)

    /// Whether the command may have been carried out.
    var mayHaveHappened: Bool { if case .away = self { false } else { true } }

    /// What happened, for a log line.
    var text: String {
        switch self {
        case .away(let text), .unanswered(let text), .unreplicated(let text): text
        }
    }
}

/// The reply to a command that may have been sent more than once.
struct RedisAnswer: Sendable, Hashable {
    let reply: RedisReply
    /// Whether an earlier try got no reply and may have been carried out nevertheless.
    let mayHaveHappenedBefore: Bool
}
#endif
