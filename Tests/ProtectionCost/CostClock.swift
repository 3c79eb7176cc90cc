internal import Glibc
internal import ParanoidHTTP
internal import ParanoidSessions
internal import Synchronization

/// Virtual time, and the time that this process has computed.
final class CostClock: RequestClock {
    private let now = Mutex(Timestamp(secondsSinceEpoch: 1_800_000_000))

    var time: Timestamp { self.now.withLock { $0 } }

    func advance(by duration: Duration) {
        self.now.withLock { $0 = $0.advanced(by: duration) }
    }

    func arrival(of request: Request, seenAt: Timestamp) -> Timestamp { seenAt }
    func completion(of request: Request) -> Timestamp { self.time }

    /// Nanoseconds that all threads of this process have used.
    static func processor() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
