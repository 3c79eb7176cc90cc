internal import CLinux
internal import Glibc

/// Two connected descriptors, both close-on-exec: a pipe, or a pair of message sockets.
package struct DescriptorPair: ~Copyable, Sendable {
    /// The end that bytes or messages come out of.
    package let reading: OwnedDescriptor
    /// The end that they go into.
    package let writing: OwnedDescriptor

    private init(_ numbers: (CInt, CInt)) {
        self.reading = OwnedDescriptor(owning: numbers.0)
        self.writing = OwnedDescriptor(owning: numbers.1)
    }

    /// Makes a pipe (`pipe2(2)`).
    package static func pipe(nonblocking: Bool) throws(SystemCallError) -> DescriptorPair {
        var numbers: (CInt, CInt) = (-1, -1)
        let outcome = unsafe withUnsafeMutableBytes(of: &numbers) { bytes in
            unsafe clinux_pipe(bytes.assumingMemoryBound(to: CInt.self).baseAddress, nonblocking ? 1 : 0)
        }
        guard outcome == 0 else { throw SystemCallError("pipe2") }
        return DescriptorPair(numbers)
    }

    /// Makes a pair of non-blocking sockets that keep messages apart and can carry descriptors (`socketpair(2)`, SOCK_SEQPACKET).
    package static func messageSockets() throws(SystemCallError) -> DescriptorPair {
        var numbers: (CInt, CInt) = (-1, -1)
        let outcome = unsafe withUnsafeMutableBytes(of: &numbers) { bytes in
            unsafe clinux_message_sockets(bytes.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        guard outcome == 0 else { throw SystemCallError("socketpair") }
        return DescriptorPair(numbers)
    }

    /// Tells a pair of message sockets that new messages will not be read (`shutdown(2)` with SHUT_RD).
    ///
    /// Senders get EPIPE; messages already sent remain readable and are followed by the end. Without effect on a pipe.
    package borrowing func refuseNewMessages() {
        _ = shutdown(self.reading.number, CInt(SHUT_RD))
    }

    /// Closes the writing end and hands out the other.
    package consuming func takeReading() -> OwnedDescriptor { self.reading }
}

extension OwnedDescriptor {
    /// Reads what is there, up to `limit` bytes; for non-blocking descriptors and those a poll has found readable.
    ///
    /// - Returns: The bytes, none at the end of the stream, or `nil` if nothing is there or the read failed.
    package borrowing func readAvailable(limit: Int) -> [UInt8]? {
        var outcome = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
            repeat { outcome = unsafe read(self.number, buffer.baseAddress, limit) } while outcome < 0 && errno == EINTR
            initialized = max(outcome, 0)
        }
        return outcome < 0 ? nil : bytes
    }

    /// Writes what fits, for a non-blocking stream socket.
    ///
    /// - Returns: How many bytes were taken; `nil` when the peer is gone.
    package borrowing func writeAvailable(_ bytes: ArraySlice<UInt8>) -> Int? {
        let count = unsafe bytes.withUnsafeBytes { unsafe send(self.number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// Writes one byte; blocks while a blocking pipe is full.
    ///
    /// - Throws: ``SystemCallError`` from `write(2)`: EPIPE when the other end is closed (with SIGPIPE ignored), EAGAIN when it would block.
    package borrowing func write(byte: UInt8) throws(SystemCallError) {
        var byte = byte
        while unsafe Glibc.write(self.number, &byte, 1) < 0 {
            let error = SystemCallError("write")
            guard error.code == EINTR else { throw error }
        }
    }
}

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

    /// Sends a copy of `other` through a socket of another owner; as ``send(_:tag:)``.
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
