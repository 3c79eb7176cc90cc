internal import FastCGIServer
internal import ParanoidLinux
internal import WorkerSupervisor

/// The load of an application's workers, and the number of times that each limit was reached since its supervisor started.
///
/// The numbers are those of all workers together, workers that are gone included. What other workers say is up to a second old, and a worker that is
/// killed takes the requests of its last second with it. Each number is read by itself, so they need not fit together exactly.
public struct ServerStatistics: Sendable, Hashable {
    /// An event that the server counts.
    public enum Event: String, Sendable, Hashable, CaseIterable {
        /// A connection was closed because its peer is on none of the lists (`PARANOID_LISTEN_PEERS`, `PARANOID_LISTEN_CLIENTS`).
        case refusedPeers
        /// A connection was closed because too many were open, or the system gave no descriptor.
        case refusedConnections
        /// A connection was closed because what came over it was no FastCGI request.
        case brokenRequests
        /// A request got status 400 because of `PARANOID_PARAMETER_LIMIT` or `PARANOID_PARAMETER_BYTES`.
        case refusedParameters
        /// A request got status 503 because of `PARANOID_REQUEST_LIMIT`.
        case overloads
        /// A request was cancelled because of `PARANOID_REQUEST_DEADLINE`.
        case overdueRequests
        /// Another response had status 400.
        case badRequests
        /// A response had status 413, as for a body beyond `PARANOID_BODY_LIMIT`.
        case largeBodies
        /// A handler's response had status 503, as for a session that could not be locked or stored.
        case unavailable
        /// A response had another status of 500 or more.
        case failures
        /// The head of a response was longer than `PARANOID_RESPONSE_HEAD_WARNING`.
        case largeResponseHeads

        /// What the server counts.
        init(_ event: ServerEvent) {
            switch event {
            case .refusedPeers: self = .refusedPeers
            case .refusedConnections: self = .refusedConnections
            case .brokenRequests: self = .brokenRequests
            case .refusedParameters: self = .refusedParameters
            case .overloads: self = .overloads
            case .overdueRequests: self = .overdueRequests
            }
        }

        /// What a response that a handler or an error has made is counted as.
        init?(status: Int) {
            switch status {
            case 400: self = .badRequests
            case 413: self = .largeBodies
            case 503: self = .unavailable
            case 500...599: self = .failures
            default: return nil
            }
        }

        /// Whether a limit was reached; else something was refused for what it is, or has failed.
        var isLimit: Bool {
            switch self {
            case .refusedConnections, .refusedParameters, .overloads, .overdueRequests, .largeBodies, .largeResponseHeads: true
            case .refusedPeers, .brokenRequests, .badRequests, .unavailable, .failures: false
            }
        }

        /// Its place on the scoreboard that all workers share; 0 is the supervisor's own.
        fileprivate var place: Int { 1 + (Self.allCases.firstIndex(of: self) ?? 0) }
    }

    /// Worker processes that serve or finish what they have; 1 in a process that serves alone.
    public let workers: Int
    /// Connections that are open, idle ones included.
    public let openConnections: Int
    /// Requests that run, or wait for a thread.
    public let runningRequests: Int
    /// Requests that were given to a handler.
    public let requests: Int
    private let counts: [Int]

    /// Nothing yet.
    init() {
        self.workers = 0
        self.openConnections = 0
        self.runningRequests = 0
        self.requests = 0
        self.counts = Event.allCases.map { _ in 0 }
    }

    init(_ context: WorkerContext) {
        self.init(context.totals, context.scoreboard)
    }

    /// What everybody has said so far.
    init(_ scoreboard: Scoreboard) {
        self.init(scoreboard.totals, scoreboard)
    }

    private init(_ totals: WorkerTotals, _ scoreboard: Scoreboard) {
        self.workers = totals.workers
        self.openConnections = totals.openConnections
        self.runningRequests = totals.runningRequests
        self.requests = totals.servedRequests
        self.counts = Event.allCases.map { scoreboard.value(ofCounter: $0.place) }
    }

    /// The number of times that an event has happened, in all workers together.
    public func count(of event: Event) -> Int { self.counts[event.place - 1] }
}

extension ServerStatistics: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }

    /// Encodes all numbers side by side, each under the name of its property or event.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        let numbers = [
            ("workers", self.workers), ("openConnections", self.openConnections), ("runningRequests", self.runningRequests),
            ("requests", self.requests),
        ]
        for (name, number) in numbers { try container.encode(number, forKey: Key(stringValue: name)) }
        for event in Event.allCases { try container.encode(self.count(of: event), forKey: Key(stringValue: event.rawValue)) }
    }
}

// The server and the supervision do not know each other: they meet here.
extension WorkerContext: ServerDelegate {
    /// Counts what the server has counted.
    func count(_ event: ServerEvent) {
        self.count(ServerStatistics.Event(event))
    }

    /// Counts something on the scoreboard that all workers share.
    func count(_ event: ServerStatistics.Event) {
        self.count(event.place)
    }
}

/// Which process and which of its threads runs some code.
package struct WorkerIdentity: Sendable, Hashable {
    /// The process's number.
    package let process: Int
    /// The thread's number.
    package let thread: Int

    /// The process and thread that run the caller.
    package static var current: WorkerIdentity {
        WorkerIdentity(process: ProcessFacts.processID, thread: ProcessFacts.threadID)
    }
}
