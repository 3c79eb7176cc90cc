internal import CLinux
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

/// What an inherited descriptor turns out to be.
package enum DescriptorKind: Sendable, Hashable {
    case closed
    case pipe
    case listeningStreamSocket
    case messageSocket
    case other

    /// Looks at a descriptor number of this process, which need not be open (`fstat(2)`, `getsockopt(2)`).
    package init(of number: CInt) {
        switch clinux_descriptor_kind(number) {
        case -1: self = .closed
        case 1: self = .pipe
        case 2: self = .listeningStreamSocket
        case 3: self = .messageSocket
        default: self = .other
        }
    }
}

extension OwnedDescriptor {
    /// Takes over a descriptor that a parent process left open on `number`, and makes it close-on-exec.
    package init(inherited number: CInt) throws(SystemCallError) {
        guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0 else { throw SystemCallError("fcntl") }
        self.init(owning: number)
    }

    /// Takes over what a parent process left on descriptor 0 and leaves `/dev/null` there, so that nothing opened later becomes standard input.
    package static func inheritedStandardInput() throws(SystemCallError) -> OwnedDescriptor {
        let moved = fcntl(0, F_DUPFD_CLOEXEC, 3)
        guard moved >= 0 else { throw SystemCallError("fcntl") }
        let descriptor = OwnedDescriptor(owning: moved)
        try StandardDescriptors.replaceInput()
        return descriptor
    }
}
