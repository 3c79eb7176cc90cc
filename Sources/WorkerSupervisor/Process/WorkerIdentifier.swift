/// One worker process among all that a supervisor ever started.
package struct WorkerIdentifier: Sendable, Hashable {
    /// The place it fills, from 0; its successor has the same.
    package let slot: Int
    /// Counts all workers of this supervisor in the order of their start.
    package let serial: Int

    package init(slot: Int, serial: Int) {
        self.slot = slot
        self.serial = serial
    }
}

extension WorkerIdentifier: CustomStringConvertible {
    /// Slot and serial number, for a log line.
    package var description: String { "\(self.slot)#\(self.serial)" }
}
