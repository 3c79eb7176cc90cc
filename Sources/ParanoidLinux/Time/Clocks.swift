internal import CLinux
internal import Glibc

/// The system's wall clock.
package enum WallClock {
    /// Nanoseconds since 1970-01-01T00:00:00Z (`CLOCK_REALTIME`); it can step in either direction.
    package static func nanosecondsSinceEpoch() -> Int64 { SystemClock.nanoseconds(CLOCK_REALTIME) }
}

/// The clock that service managers measure with.
package enum MonotonicClock {
    /// Microseconds since some point in the past, exact (`CLOCK_MONOTONIC`); stands still while the machine sleeps.
    package static func microseconds() -> Int64 { SystemClock.nanoseconds(CLOCK_MONOTONIC) / 1000 }
}

/// The monotonic clock as of the last timer tick: nearly free to read, for asking "was that long ago".
package enum CoarseClock {
    /// Nanoseconds since some point in the past, a few milliseconds old (`CLOCK_MONOTONIC_COARSE`); stands still while the machine sleeps.
    package static func now() -> Int64 { SystemClock.nanoseconds(CLOCK_MONOTONIC_COARSE) }
}

/// The clock that measures the time since the machine started; it never steps.
package enum BootClock {
    /// Nanoseconds since the machine started, the time it slept included (`CLOCK_BOOTTIME`).
    package static func now() -> Int64 { SystemClock.nanoseconds(CLOCK_BOOTTIME) }
}

/// The one place that reads a clock of the system.
private enum SystemClock {
    static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
