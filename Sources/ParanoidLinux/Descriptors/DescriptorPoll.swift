internal import Glibc

/// Waiting for a handful of descriptors at once (`poll(2)`); servers with thousands use an epoll.
package enum DescriptorPoll {
    /// Waits until a descriptor is readable or at its end, or until the time has passed.
    ///
    /// Blocks.
    ///
    /// - Parameters:
    ///   - numbers: Open descriptors.
    ///   - timeout: How long to wait; `nil` waits for ever. Rounded up to milliseconds.
    /// - Returns: The positions in `numbers` that are ready; none after the time-out or when a signal came in between.
    package static func wait(for numbers: [CInt], timeout: Duration?) throws(SystemCallError) -> [Int] {
        var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard unsafe poll(&entries, nfds_t(entries.count), Self.milliseconds(timeout)) >= 0 else {
            let error = SystemCallError("poll")
            guard error.code == EINTR else { throw error }
            return []
        }
        return entries.indices.filter { entries[$0].revents != 0 }
    }

    static func milliseconds(_ timeout: Duration?) -> CInt {
        guard let timeout else { return -1 }
        let (seconds, attoseconds) = timeout.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return CInt(seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
