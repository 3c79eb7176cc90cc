internal import Glibc

/// Clocks for measuring, in nanoseconds.
enum BenchClock {
    /// Time that passes.
    static func wall() -> Int64 { self.read(CLOCK_MONOTONIC) }

    /// Time that all threads of this process have used.
    static func processor() -> Int64 { self.read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
