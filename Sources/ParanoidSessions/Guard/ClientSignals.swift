/// What a request shows of its client, apart from secrets.
public struct ClientSignals: Sendable {
    /// One thing about the client.
    public struct Reading: Sendable, Hashable {
        /// What it is, such as `address`.
        public var name: String
        /// What it is worth comparing of it: a network, not an address.
        public var value: [UInt8]
        /// What a change means.
        public var policy: SignalPolicy

        /// Creates a reading.
        public init(name: String, value: [UInt8], policy: SignalPolicy) {
            self.name = name
            self.value = value
            self.policy = policy
        }
    }

    /// All bytes that the readings come from: as long as these stay the same nothing needs to be read.
    public let source: [UInt8]
    /// Reads them.
    public let readings: @Sendable () -> [Reading]

    /// Creates signals.
    public init(source: [UInt8], readings: @escaping @Sendable () -> [Reading]) {
        self.source = source
        self.readings = readings
    }

    /// Nothing is noted.
    public static let none = ClientSignals(source: [], readings: { [] })
}

extension ClientSignals: CustomStringConvertible {
    /// Says nothing; addresses and agents are personal data.
    public var description: String { "ClientSignals(redacted)" }
}
