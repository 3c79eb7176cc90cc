/// What is new about a client.
public struct SignalFindings: Sendable, Hashable {
    /// One thing that has changed.
    public struct Change: Sendable, Hashable {
        /// What it is, such as `address`.
        public let name: String
        /// What that means.
        public let policy: SignalPolicy
        let code: [UInt8]
    }

    /// What has changed, in the order of the rules.
    public let changes: [Change]
    let sourceCode: [UInt8]

    /// The gravest consequence.
    public var policy: SignalPolicy { self.changes.map(\.policy).max() ?? .off }
}
