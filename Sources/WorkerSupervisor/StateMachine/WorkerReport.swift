package import ParanoidLinux

/// A worker's way to tell its supervisor something; may be used from any thread.
package final class WorkerReport: Sendable {
    private let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Says that this worker serves; during a reload its predecessor is drained now.
    ///
    /// - Throws: ``SystemCallError`` from `write(2)`: EPIPE if the supervisor is gone, which the life-line tells as well.
    package func ready() throws(SystemCallError) {
        try self.descriptor.write(byte: WorkerLayout.ready)
    }

    /// Asks for a successor; when that is ready, this worker receives SIGTERM.
    ///
    /// - Throws: As ``ready()``.
    package func requestReplacement() throws(SystemCallError) {
        try self.descriptor.write(byte: WorkerLayout.replacementRequested)
    }
}
