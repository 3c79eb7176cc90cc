internal import CLinux

/// Clocks that cost no system call and do not step, for asking "was that long ago".
package enum CoarseClock {
    /// Nanoseconds since some point in the past; exact to a few milliseconds (`CLOCK_MONOTONIC_COARSE`).
    package static func monotonicNanoseconds() -> Int64 { clinux_coarse_monotonic_nanoseconds() }

    /// Nanoseconds since the machine started, the time it slept included (`CLOCK_BOOTTIME`).
    package static func bootNanoseconds() -> Int64 { clinux_boot_nanoseconds() }
}

/// Limits of this process.
package enum ProcessLimits {
    /// How many descriptors the process may have open: the soft limit of `RLIMIT_NOFILE`; `nil` when the system does not say.
    package static var descriptors: Int? {
        let limit = clinux_descriptor_limit()
        return limit < 0 ? nil : Int(limit)
    }
}
