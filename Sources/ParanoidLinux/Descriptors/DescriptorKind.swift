internal import CLinux
internal import Glibc

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
        let empty = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard empty >= 0 else { throw SystemCallError("open") }
        let nothing = OwnedDescriptor(owning: empty)
        guard dup2(nothing.number, 0) == 0 else { throw SystemCallError("dup2") }
        return descriptor
    }
}
