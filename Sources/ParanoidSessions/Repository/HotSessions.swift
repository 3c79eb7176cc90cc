internal import Synchronization

/// The sessions that this process has used lately: where they are stored, their seal keys, their opened records, and what was proved last
/// of what their client shows; a bounded number.
///
/// A record is used only when generation and last bytes of the payload, which are its seal's tag, are the stored ones: an entry can be stale
/// but never wrong, not even where a failed write was undone and its generation given out again. Sessions that fall on the same place push
/// each other out: no bookkeeping of use, no lock shared by all. What is dropped is overwritten.
final class HotSessions: Sendable {
    /// One session; read and changed under the lock of its stripe.
    private final class Entry: @unchecked Sendable {
        var location: SessionLocation
        var record: SessionRecord
        var generation: UInt64
        var mark: SecretBytes<16>
        var proven: ProvenCredentials?

        init(_ location: SessionLocation, _ record: SessionRecord, _ generation: UInt64, _ mark: SecretBytes<16>) {
            self.location = location
            self.record = record
            self.generation = generation
            self.mark = mark
        }

        deinit { self.overwrite() }

        @inline(never)
        private func overwrite() {
            self.location.identifier = SessionIdentifier(SecretBytes())
            self.proven?.nonce = Nonce(position: 0, tag: SecretBytes())
        }
    }

    /// The places of some entries.
    private final class Stripe: Sendable {
        let places: Mutex<[Entry?]>

        init(capacity: Int) {
            self.places = Mutex([Entry?](repeating: nil, count: capacity))
        }
    }

    private static let stripeCount = 16
    /// Larger payloads are opened at each use: so many of them would fill the memory.
    private static let largestPayload = 16 * 1024
    private let stripes: [Stripe]
    private let stripeCapacity: Int

    init(capacity: Int) {
        self.stripeCapacity = max(1, capacity / Self.stripeCount)
        self.stripes = (0..<Self.stripeCount).map { [stripeCapacity] _ in Stripe(capacity: stripeCapacity) }
    }

    /// Where a session is stored, if it was used here before.
    func location(of identifier: SessionIdentifier) -> SessionLocation? {
        self.withEntry(of: identifier) { $0.location }
    }

    /// The handle of a session that was used here before.
    func handle(of identifier: SessionIdentifier) -> SessionHandle? {
        self.withEntry(of: identifier) { $0.record.origin?.handle } ?? nil
    }

    /// The record that these stored bytes hold, if it was opened or written here before.
    func record(in location: SessionLocation, storedAs stored: StoredSession) -> SessionRecord? {
        self.withEntry(of: location.identifier) { entry -> SessionRecord? in
            guard entry.generation == stored.generation, Self.mark(of: stored) == entry.mark else { return nil }
            return entry.record
        } ?? nil
    }

    /// Keeps a record that is known to be what is stored.
    func remember(_ record: SessionRecord, storedAs stored: StoredSession, in location: SessionLocation) {
        guard stored.payload.count <= Self.largestPayload else { return self.forget(location.identifier) }
        let mark = Self.mark(of: stored)
        self.withPlace(of: location.identifier) { place in
            guard let entry = place, entry.location.identifier == location.identifier else {
                place = Entry(location, record, stored.generation, mark)
                return
            }
            if entry.generation > stored.generation { return }
            entry.record = record
            entry.generation = stored.generation
            entry.mark = mark
        }
    }

    /// What was proved last of what a session's client shows.
    func proven(of identifier: SessionIdentifier) -> ProvenCredentials? {
        self.withEntry(of: identifier) { $0.proven } ?? nil
    }

    func note(_ proven: ProvenCredentials, of identifier: SessionIdentifier) {
        self.withEntry(of: identifier) { $0.proven = proven }
    }

    func forget(_ identifier: SessionIdentifier) {
        self.withPlace(of: identifier) { place in
            if place?.location.identifier == identifier { place = nil }
        }
    }

    private static func mark(of stored: StoredSession) -> SecretBytes<16> {
        var mark = SecretBytes<16>()
        let count = min(16, stored.payload.count)
        for index in 0..<count { mark[index] = stored.payload[stored.payload.count - count + index] }
        return mark
    }

    @discardableResult
    private func withEntry<Value: Sendable>(of identifier: SessionIdentifier, _ body: (Entry) -> Value) -> Value? {
        self.withPlace(of: identifier) { place in
            guard let entry = place, entry.location.identifier == identifier else { return nil }
            return body(entry)
        }
    }

    private func withPlace<Value: Sendable>(of identifier: SessionIdentifier, _ body: (inout Entry?) -> Value) -> Value {
        // Random bytes behind the number of the secret.
        let word = identifier.secret.bigEndian(at: 1, as: UInt64.self)
        let stripe = self.stripes[Int(truncatingIfNeeded: word & UInt64(Self.stripeCount - 1))]
        let index = Int(truncatingIfNeeded: (word >> 8) % UInt64(self.stripeCapacity))
        return stripe.places.withLock { body(&$0[index]) }
    }
}
