internal import Glibc

/// Clocks for measuring, in nanoseconds, and marks for strace.
enum BenchClock {
    /// Time that passes.
    static func wall() -> Int64 { self.read(CLOCK_MONOTONIC) }

    /// Time that all threads of this process have used.
    static func processor() -> Int64 { self.read(CLOCK_PROCESS_CPUTIME_ID) }

    /// Makes a system call that does nothing, to be found in the output of strace: what is between two marks was measured.
    static func mark(_ name: String) {
        _ = unsafe access("store-bench:\(name)", F_OK)
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
