/// How a worker was found at one moment.
package struct WorkerHealth: Sendable, Hashable {
    /// A number that grows as long as the worker's threads come round.
    package var heartbeat: UInt64
    /// The bytes of its memory; `nil` if they cannot be known.
    package var residentBytes: Int?

    package init(heartbeat: UInt64, residentBytes: Int?) {
        self.heartbeat = heartbeat
        self.residentBytes = residentBytes
    }
}
