public import ParanoidHTTP
public import ParanoidSessions
internal import ParanoidLinux

/// The system's wall clock.
///
/// The one that an application makes for itself does not follow a step of more than a minute until the clock has stood by it for ten minutes,
/// so that a clock that is wrong for a moment ends no session; all processes of a session directory agree on the time.
public struct SystemSessionClock: SessionClock {
    private let steady: SteadyWallClock?

    /// Creates a clock that follows the system's at once, wherever it steps.
    public init() {
        self.steady = nil
    }

    /// The clock of a session directory; without one that can be used, it follows the system's.
    init(sessionDirectory: String) {
        guard let directory = try? SecureDirectory.openOrCreate(sessionDirectory) else {
            self.steady = nil
            return
        }
        self.steady = try? SteadyWallClock(in: directory)
    }

    /// When the web server began to receive the request, as far as it says so; else when its head was seen here, or now.
    public func arrival(of request: Request) -> Timestamp {
        guard let arrival = RequestArrival.nanosecondsSinceEpoch(of: request) else { return self.now }
        // The system's clock is the web server's, and not always ours.
        return self.now.advanced(by: .nanoseconds(arrival - WallClock.nanosecondsSinceEpoch()))
    }

    /// The time now.
    public func completion(of request: Request) -> Timestamp { self.now }

    /// The time now.
    var now: Timestamp {
        Timestamp(nanosecondsSinceEpoch: self.steady?.nanosecondsSinceEpoch() ?? WallClock.nanosecondsSinceEpoch())
    }

    /// By how much the system's clock has stepped without being followed so far; `nil` when it has not.
    var unconfirmedJump: Duration? { self.steady?.unconfirmedJump.map { .nanoseconds($0) } }
}
