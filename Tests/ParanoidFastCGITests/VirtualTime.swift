import ParanoidFastCGI
import Synchronization

/// A clock that goes on when the test says so.
final class VirtualTime: SessionClock {
    private let time = Mutex(Timestamp(secondsSinceEpoch: 1_900_000_000))

    var now: Timestamp { self.time.withLock { $0 } }

    func advance(by duration: Duration) { self.time.withLock { $0 = $0.advanced(by: duration) } }

    func arrival(of request: Request) -> Timestamp { self.now }
    func completion(of request: Request) -> Timestamp { self.now }
}
