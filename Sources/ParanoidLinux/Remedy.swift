internal import Glibc

/// What helps against a failure that ends a process; the exit code tells it to the service manager (`sysexits.h`).
package enum Remedy: Sendable, Hashable, CaseIterable {
    /// Somebody changes a setting, an owner or a mode; the same start fails again before that (EX_CONFIG).
    case change
    /// The same start succeeds later, when there is space, the address is free or the store answers (EX_TEMPFAIL).
    case later
    /// The system gets what it lacks: descriptors, memory, threads, a disk that works (EX_OSERR).
    case system

    /// The exit code of a process that ends so.
    package var exitCode: CInt {
        switch self {
        case .change: 78
        case .later: 75
        case .system: 71
        }
    }
}

extension SystemCallError {
    /// What helps when a start fails with this error.
    package var remedy: Remedy {
        switch self.code {
        case ENOSPC, EDQUOT, EADDRINUSE, EADDRNOTAVAIL, EBUSY, ETXTBSY, EAGAIN, EINTR, ESTALE, ECONNREFUSED, ECONNRESET, ETIMEDOUT,
            EHOSTUNREACH,
            ENETUNREACH, ENETDOWN:
            .later
        case EMFILE, ENFILE, ENOMEM, ENOBUFS, EIO: .system
        default: .change
        }
    }
}
