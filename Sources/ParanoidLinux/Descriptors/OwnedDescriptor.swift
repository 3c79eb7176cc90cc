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

/// Descriptors 0, 1 and 2, which libraries read and write by their numbers, whatever lies there.
package enum StandardDescriptors {
    /// Puts `/dev/null` on those of descriptors 0, 1 and 2 that are closed.
    ///
    /// A FastCGI process manager may start a program with descriptor 0 only (FastCGI 1.0, section 2.2). The next files that such a program opens
    /// would get the numbers 1 and 2, and log lines and crash reports would be written into them. Call it first in a process, before any other thread
    /// runs and before anything is opened.
    ///
    /// - Returns: The numbers that were closed.
    /// - Throws: ``SystemCallError`` from `open(2)`, when the process may open no descriptor at all.
    @discardableResult
    package static func openMissing() throws(SystemCallError) -> [CInt] {
        var missing: [CInt] = []
        for number in CInt(0)...2 where fcntl(number, F_GETFD) < 0 && errno == EBADF {
            // open(2) takes the lowest number that is free, and all lower ones are open by now.
            try self.takeLowestNumber()
            missing.append(number)
        }
        return missing
    }

    /// Whether a descriptor of this process is a terminal.
    package static func isTerminal(_ number: CInt) -> Bool { isatty(number) == 1 }

    /// Leaves nothing on descriptor 0: what is opened there reads as empty.
    static func replaceInput() throws(SystemCallError) {
        let nothing = OwnedDescriptor(owning: try self.takeLowestNumber(flags: O_CLOEXEC))
        guard dup2(nothing.number, 0) == 0 else { throw SystemCallError("dup2") }
    }

    @discardableResult
    private static func takeLowestNumber(flags: CInt = 0) throws(SystemCallError) -> CInt {
        let null = unsafe open("/dev/null", O_RDWR | flags)
        if null >= 0 { return null }
        // In a root directory without devices: a descriptor that can be neither read nor written (O_PATH, open(2)).
        let place = unsafe open("/", pathOnly | O_DIRECTORY | flags)
        guard place >= 0 else { throw SystemCallError("open") }
        return place
    }
}

/// `O_PATH`, which the Glibc module hides behind `_GNU_SOURCE`.
internal let pathOnly: CInt = 0o10000000
