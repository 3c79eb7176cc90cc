import ParanoidFastCGI
import Synchronization

/// Says the time that a request carries: `X-Test-Now` at its arrival, `X-Test-Then` or the time of its release at its completion.
final class TraceClock: SessionClock, RequestClock {
    private static let epoch: Int64 = 1_800_000_000_000_000_000

    private let real = Mutex(false)
    private let releases = Mutex<[String: Timestamp]>([:])
    private let system = SystemSessionClock()

    /// Requests carry their times, so nothing asks for this one.
    var now: Timestamp { self.system.now }

    var isReal: Bool {
        get { self.real.withLock { $0 } }
        set { self.real.withLock { $0 = newValue } }
    }

    func arrival(of request: Request, seenAt: Timestamp) -> Timestamp {
        let carried = self.isReal ? nil : self.time("HTTP_X_TEST_NOW", of: request)
        return carried ?? self.system.arrival(of: request, seenAt: seenAt)
    }

    func completion(of request: Request) -> Timestamp {
        if self.isReal { return self.system.completion(of: request) }
        if let number = request.query.first(named: "req"), let time = self.releases.withLock({ $0[number] }) { return time }
        return self.time("HTTP_X_TEST_THEN", of: request) ?? self.arrival(of: request, seenAt: self.system.now)
    }

    /// Sets the time at which a held request completes.
    func release(_ number: String, as request: Request) {
        guard let time = self.time("HTTP_X_TEST_NOW", of: request) else { return }
        self.releases.withLock { $0[number] = time }
    }

    private func time(_ parameter: String, of request: Request) -> Timestamp? {
        guard let text = request.parameters.text(of: parameter), let seconds = Double(text) else { return nil }
        return Timestamp(nanosecondsSinceEpoch: Self.epoch + Int64((seconds * 1e9).rounded()))
    }
}
