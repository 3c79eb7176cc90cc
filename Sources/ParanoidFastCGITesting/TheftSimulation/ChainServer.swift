package import ParanoidSessions

/// The rule of the rotation chain alone: what the guard applies to nonces, without cookies and cryptography.
package struct ChainServer: HeldServer {
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

    package struct Held: Sendable {
        var value: RotationChain.Value
        var arrivedAt: Timestamp
        var isLate: Bool
        /// The chain as it was read.
        var read: RotationChain
    }

    package mutating func arrive(_ value: RotationChain.Value, at now: Double, begunAt: Double) -> Held? {
        guard let read = self.chain else { return nil }
        var chain = read
        let verdict = chain.show(value, at: Self.time(begunAt), self.bounds)
        if verdict == .reuse {
            self.hasEnded = true
            self.chain = nil
            return nil
        }
        return Held(value: value, arrivedAt: Self.time(begunAt), isLate: verdict == .late, read: read)
    }

    package mutating func respond(to held: Held, at now: Double, renewing: SimulatedRenewal) -> RotationChain.Value? {
        let rotates = renewing != .none
        // What changes nothing by what was read is not committed.
        let read = self.after(held, held.read, at: now, rotates: rotates)
        if read.chain == held.read && !rotates {
            return read.gives ? RotationChain.Value(generation: read.chain.generation + 1, number: self.nextNumber()) : nil
        }
        guard let chain = self.chain else { return nil }
        let after = self.after(held, chain, at: now, rotates: rotates)
        self.chain = after.chain
        return after.gives ? RotationChain.Value(generation: after.chain.generation + 1, number: self.nextNumber()) : nil
    }

    private func after(_ held: Held, _ chain: RotationChain, at now: Double, rotates: Bool) -> (chain: RotationChain, gives: Bool) {
        var after = chain
        let exchange = RotationChain.Exchange(held.value, arrivedAt: held.arrivedAt, isLate: held.isLate, isHastened: rotates)
        let gives = after.complete(exchange, at: Self.time(now), self.bounds)
        return (after, gives)
    }
}
