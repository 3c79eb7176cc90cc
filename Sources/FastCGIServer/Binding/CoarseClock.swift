internal import Glibc

/// The monotonic clock as of the last timer tick, a few milliseconds old and nearly free to read (`CLOCK_MONOTONIC_COARSE`).
enum CoarseClock {
    /// Nanoseconds since an arbitrary moment.
    static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
