internal import CLinux
internal import Glibc

/// One end of a pair of sockets over which processes of this host hand each other open descriptors (`SCM_RIGHTS`, `unix(7)`).
package struct DescriptorPassing: ~Copyable, Sendable {
    /// What has arrived.
    package enum Arrival: ~Copyable, Sendable {
        /// A descriptor, close-on-exec, and the byte sent with it.
        case descriptor(OwnedDescriptor, tag: UInt8)
        /// Nothing for now.
        case nothing
        /// The other end is closed and nothing more will come.
        case end
    }

    /// The descriptor to register with an ``Epoll`` or to give to a child process.
    package let descriptor: OwnedDescriptor

    /// Takes over one end of a pair.
    package init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Sends a copy of `other`; never blocks (EAGAIN when the receiver is behind).
    package borrowing func send(_ other: borrowing OwnedDescriptor, tag: UInt8 = 0) throws(SystemCallError) {
        try Self.send(other, through: self.descriptor, tag: tag)
    }

    /// Sends a copy of `other` through a socket that belongs to somebody else; as ``send(_:tag:)``.
    package static func send(
        _ other: borrowing OwnedDescriptor,
        through socket: borrowing OwnedDescriptor,
        tag: UInt8 = 0
    ) throws(SystemCallError) {
        guard clinux_send_descriptor(socket.number, other.number, tag) == 0 else { throw SystemCallError("sendmsg") }
    }

    /// Takes what has arrived; never blocks.
    package borrowing func receive() throws(SystemCallError) -> Arrival {
        var tag: UInt8 = 0
        let number = unsafe clinux_receive_descriptor(self.descriptor.number, &tag)
        switch number {
        case 0...: return .descriptor(OwnedDescriptor(owning: number), tag: tag)
        case -2: return .end
        default:
            guard errno == EAGAIN || errno == EINTR else { throw SystemCallError("recvmsg") }
            return .nothing
        }
    }
}
