internal import CLinux
internal import Glibc

/// A counter whose being positive is an event of an ``Epoll``: how one thread wakes another (`eventfd(2)`).
package struct EventFD: ~Copyable, Sendable {
    /// The descriptor to register; readable while the counter is positive.
    package let descriptor: OwnedDescriptor

    /// Creates a counter at zero, non-blocking and close-on-exec.
    package init() throws(SystemCallError) {
        let number = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
        guard number >= 0 else { throw SystemCallError("eventfd") }
        self.descriptor = OwnedDescriptor(owning: number)
    }

    /// Adds one; never blocks, may be called from any thread.
    package borrowing func signal() {
        // The only failure is a full counter, which wakes just as well.
        _ = eventfd_write(self.descriptor.number, 1)
    }

    /// Takes one; false if the counter is at zero.
    @discardableResult
    package borrowing func consume() -> Bool {
        var value: eventfd_t = 0
        return unsafe eventfd_read(self.descriptor.number, &value) == 0
    }

    /// Blocks until the counter is positive or the time has passed; takes nothing (`poll(2)`).
    package borrowing func wait(milliseconds: CInt) {
        var entry = pollfd(fd: self.descriptor.number, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&entry, 1, milliseconds)
    }
}

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
