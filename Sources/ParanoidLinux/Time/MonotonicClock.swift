internal import Glibc

/// The clock that service managers measure with.
package enum MonotonicClock {
    /// Microseconds since some point in the past, exact (`CLOCK_MONOTONIC`); stands still while the machine sleeps.
    package static func microseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
