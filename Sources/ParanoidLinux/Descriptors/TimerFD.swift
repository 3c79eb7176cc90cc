internal import CLinux
internal import Glibc

/// A timer whose going off is an event of an ``Epoll`` (`timerfd_create(2)`).
package struct TimerFD: ~Copyable, Sendable {
    /// The descriptor to register; readable from when the timer has gone off until ``acknowledge()``.
    package let descriptor: OwnedDescriptor

    /// Creates a timer that is not running.
    package init() throws(SystemCallError) {
        let number = clinux_timer_create()
        guard number >= 0 else { throw SystemCallError("timerfd_create") }
        self.descriptor = OwnedDescriptor(owning: number)
    }

    /// Has the timer go off once after a time; never blocks, may be called from any thread.
    package borrowing func start(microseconds: Int64) {
        // The only failures are wrong arguments.
        _ = clinux_timer_start(self.descriptor.number, microseconds * 1000)
    }

    /// Makes the timer unreadable after it has gone off; nothing if another thread has done that.
    package borrowing func acknowledge() {
        var count: UInt64 = 0
        _ = unsafe read(self.descriptor.number, &count, MemoryLayout<UInt64>.size)
    }
}
