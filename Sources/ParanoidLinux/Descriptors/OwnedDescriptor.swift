internal import Glibc

/// A file descriptor with exactly one owner, closed when the owner goes away.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor number, valid for as long as the value is borrowed.
    package let number: CInt

    /// Takes ownership of an open descriptor.
    package init(owning number: CInt) {
        precondition(number >= 0, "not an open descriptor")
        self.number = number
    }

    deinit {
        // Linux releases the number even when close(2) reports an error, so there is nothing to retry.
        _ = Glibc.close(self.number)
    }

    /// Gives the number up without closing it; the caller closes it or passes it on.
    package consuming func take() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// Opens a second descriptor for the same open file, close-on-exec (`F_DUPFD_CLOEXEC`).
    package borrowing func duplicate() throws(SystemCallError) -> OwnedDescriptor {
        let copy = fcntl(self.number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SystemCallError("fcntl") }
        return OwnedDescriptor(owning: copy)
    }
}
