package import ParanoidLinux

/// The sending end of another slot's mailbox, a message socket that can carry descriptors.
///
/// Sending to it gives EPIPE when the slot has been given up or everything stops, EAGAIN when its worker is behind.
package final class SiblingHandoffSocket: Sendable {
    /// The slot that receives.
    package let slot: Int
    /// The socket, non-blocking.
    package let descriptor: OwnedDescriptor

    init(slot: Int, descriptor: consuming OwnedDescriptor) {
        self.slot = slot
        self.descriptor = descriptor
    }

    /// Sends a copy of an open connection; never blocks.
    ///
    /// - Throws: ``SystemCallError`` from `sendmsg(2)`.
    package func send(_ connection: borrowing OwnedDescriptor) throws(SystemCallError) {
        try DescriptorPassing.send(connection, through: self.descriptor)
    }
}
