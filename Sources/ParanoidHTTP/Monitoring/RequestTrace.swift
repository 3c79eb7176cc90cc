internal import HTTPTypes
package import Synchronization

/// What is measured of one request on its way; lent to a request, and then to another.
///
/// Code that measures asks ``Request/trace`` first: without one, nothing is measured and no clock is read.
package final class RequestTrace: Sendable {
    /// What a request spends its time with.
    package enum Phase: Int, Sendable, CaseIterable {
        /// From its first byte until somebody attends to it.
        case queued
        /// Reading the body.
        case read
        /// Reading and checking the session.
        case `guard`
        /// The handler and all middleware, without what the other phases measure.
        case handler
        /// Storing what has changed of the session.
        case commit
        /// Writing the response.
        case write

        /// All of them, made once.
        package static let all = Self.allCases
    }

    /// What is known of a request so far.
    package struct Facts: Sendable {
        /// Nanoseconds by phase.
        package fileprivate(set) var nanoseconds = InlineArray<6, Int64>(repeating: 0)
        /// The method; empty while it is unknown.
        package fileprivate(set) var method = ""
        /// The pattern of the route; `nil` when none was found.
        package fileprivate(set) var route: String?
        /// The number of the route among all routes, from 1; 0 when none was found.
        package fileprivate(set) var routeNumber = 0
        /// What the guard made of the request; empty when the request did not use its session.
        package var verdict = ""
        /// Why; empty when there is nothing to say.
        package var reason = ""
        /// The number of its session's handle; `nil` when there is none.
        package var sessionNumber: UInt64?
        /// The handle of its session; empty when there is none.
        package var session: String { self.sessionNumber.map { Hexadecimal.text($0, width: 16) } ?? "" }
        /// The status of the response; 0 while there is none.
        package var status = 0
        /// Bytes of the response's body; `nil` for one that is made while it is sent.
        package var bodyByteCount: Int?
        /// The request's identifier; empty when nobody needs it.
        package var identifier = ""
        /// What the access log keeps beyond the request: address, path, query and header fields.
        package var client = ""
        package var path = ""
        package var query = ""
        package private(set) var fieldBytes: [UInt8] = []
        private var fieldEnds: [Int] = []
        /// The error that a handler or a middleware has thrown.
        package var failure: (any Error)?
        /// When somebody began to attend to it.
        package fileprivate(set) var start = ContinuousClock.now

        /// The time of a phase.
        package subscript(_ phase: Phase) -> Int64 { self.nanoseconds[phase.rawValue] }

        /// Keeps the value of a header field beside those before; `nil`: the request does not have it.
        package mutating func keep(field value: RawSpan?) {
            if let value { for offset in 0..<value.byteCount { self.fieldBytes.append(value.byte(at: offset)) } }
            self.fieldEnds.append(self.fieldBytes.count)
        }

        /// Where the value of a kept field is in ``fieldBytes``.
        package func field(_ index: Int) -> Range<Int> {
            guard index < self.fieldEnds.count else { return 0..<0 }
            return (index == 0 ? 0 : self.fieldEnds[index - 1])..<self.fieldEnds[index]
        }

        /// Forgets the kept fields and keeps their memory.
        fileprivate mutating func forgetFields() {
            self.fieldBytes.removeAll(keepingCapacity: true)
            self.fieldEnds.removeAll(keepingCapacity: true)
        }

        /// Gives the handler the time that no other phase has measured.
        ///
        /// - Parameter busy: The nanoseconds since somebody began to attend to the request.
        package mutating func closeHandler(busy: Int64) {
            let others = self[.read] + self[.guard] + self[.commit] + self[.write]
            self.nanoseconds[Phase.handler.rawValue] = max(0, busy - others)
        }
    }

    private let state = Mutex(Facts())
    /// Called when the route is known.
    private let onRoute: @Sendable (RequestTrace, Request) -> Void
    /// A number for the owner of the trace; -1 unless it is set.
    package let row = Atomic<Int>(-1)

    package init(onRoute: @escaping @Sendable (RequestTrace, Request) -> Void) {
        self.onRoute = onRoute
    }

    /// Forgets the request before.
    package func reset() {
        self.state.withLock { facts in
            for index in facts.nanoseconds.indices { facts.nanoseconds[index] = 0 }
            facts.method = ""
            facts.route = nil
            facts.routeNumber = 0
            facts.verdict = ""
            facts.reason = ""
            facts.sessionNumber = nil
            facts.status = 0
            facts.bodyByteCount = nil
            facts.identifier = ""
            facts.client = ""
            facts.path = ""
            facts.query = ""
            facts.forgetFields()
            facts.failure = nil
            facts.start = .now
        }
    }

    /// What is known so far.
    package var facts: Facts { self.state.withLock { $0 } }

    /// Lends what is known so far, without a copy.
    package func withFacts<Outcome>(_ body: (borrowing Facts) -> Outcome) -> Outcome { self.state.withLock { body($0) } }

    /// Notes something.
    package func note(_ change: (inout Facts) -> Void) { self.state.withLock { change(&$0) } }

    /// Adds to the time of a phase.
    package func add(_ nanoseconds: Int64, to phase: Phase) {
        self.state.withLock { $0.nanoseconds[phase.rawValue] += max(0, nanoseconds) }
    }

    /// Adds the time since an instant to a phase.
    package func add(since start: ContinuousClock.Instant, to phase: Phase) {
        let (seconds, attoseconds) = start.duration(to: .now).components
        self.add(seconds * 1_000_000_000 + attoseconds / 1_000_000_000, to: phase)
    }

    /// Notes the route that the router has found.
    func routed(to endpoint: RouteEndpoint?, _ request: Request) {
        self.state.withLock { facts in
            facts.method = request.method.rawValue
            facts.route = endpoint?.pattern
            facts.routeNumber = endpoint?.number ?? 0
        }
        self.onRoute(self, request)
    }
}
