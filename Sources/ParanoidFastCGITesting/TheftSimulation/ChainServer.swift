package import ParanoidSessions

/// The rule of the rotation chain alone: what the guard applies to nonces, without cookies and cryptography.
package struct ChainServer: SimulatedServer {
    private let bounds: RotationChain.Bounds
    private var chain: RotationChain?
    private var number: UInt64 = 0
    package private(set) var hasEnded = false

    package init(delay: Double, timeout: Double) {
        self.bounds = RotationChain.Bounds(delay: .milliseconds(Int(delay * 1000)), timeout: .milliseconds(Int(timeout * 1000)))
    }

    private static func time(_ seconds: Double) -> Timestamp { Timestamp(nanosecondsSinceEpoch: Int64(seconds * 1e9)) }

    private mutating func nextNumber() -> UInt64 {
        self.number += 1
        return self.number
    }

    package mutating func begin(at now: Double) -> RotationChain.Value {
        self.chain = RotationChain(at: Self.time(now))
        return RotationChain.Value(generation: 0, number: self.nextNumber())
    }

    package mutating func show(_ value: RotationChain.Value, at now: Double) -> (isAccepted: Bool, sets: RotationChain.Value?) {
        guard var chain = self.chain else { return (false, nil) }
        defer { self.chain = self.hasEnded ? nil : chain }
        let time = Self.time(now)
        switch chain.show(value, at: time, self.bounds) {
        case .reuse:
            self.hasEnded = true
            return (false, nil)
        case .late: return (true, nil)
        case .current:
            guard chain.gives(to: value, arrivedAt: time, at: time, self.bounds) else { return (true, nil) }
            return (true, RotationChain.Value(generation: chain.generation + 1, number: self.nextNumber()))
        }
    }
}
