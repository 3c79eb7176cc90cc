package import ParanoidLinux

/// Why the server could not start, or why a request's bytes could not be read or written.
package struct FastCGIServerError: Error, Sendable {
    fileprivate enum Value: String, Sendable {
        case unusableAddress, addressInUse, listenerUnavailable, notAListener, outOfResources
        case bodyCut, bodyTooLong, bodyTooSlow, clientGone
    }

    /// The kind of failure.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        fileprivate let value: Value

        /// The text does not name an address to listen on, or something else than a socket has the name.
        package static var unusableAddress: Self { Self(value: .unusableAddress) }
        /// Another process answers on the address.
        package static var addressInUse: Self { Self(value: .addressInUse) }
        /// The system refused to listen on the address.
        package static var listenerUnavailable: Self { Self(value: .listenerUnavailable) }
        /// The inherited descriptor is not a listening stream socket.
        package static var notAListener: Self { Self(value: .notAListener) }
        /// The system gave no descriptor or thread.
        package static var outOfResources: Self { Self(value: .outOfResources) }
        /// The request ended before its body did: aborted, broken off, or not FastCGI.
        package static var bodyCut: Self { Self(value: .bodyCut) }
        /// More bytes of the body came than were declared.
        package static var bodyTooLong: Self { Self(value: .bodyTooLong) }
        /// The body did not come within its time.
        package static var bodyTooSlow: Self { Self(value: .bodyTooSlow) }
        /// The response can no longer be sent: the web server has closed the connection or does not read.
        package static var clientGone: Self { Self(value: .clientGone) }

        /// The code's name.
        package var description: String { self.value.rawValue }
    }

    /// The kind of failure.
    package let code: Code
    /// A sentence for the log; contains nothing a client sent.
    package let message: String
    /// The error underneath, if there is one.
    package let cause: (any Error)?

    /// Creates an error.
    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension FastCGIServerError {
    /// What helps when a start fails with this error.
    package var remedy: Remedy {
        switch self.code.value {
        case .addressInUse: .later
        case .outOfResources: .system
        case .listenerUnavailable: (self.cause as? SystemCallError)?.remedy ?? .later
        default: .change
        }
    }
}

extension FastCGIServerError: CustomStringConvertible {
    /// Code, message and cause in one line.
    package var description: String {
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code): \(self.message)\(cause)"
    }
}
