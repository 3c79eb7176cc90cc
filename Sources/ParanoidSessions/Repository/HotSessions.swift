internal import Synchronization

/// The sessions that this process has used lately: where they are stored, their seal keys, their opened records, and what was proved last
/// of what their client shows; a bounded number.
///
/// A record is used only when generation and last bytes of the payload, which are its seal's tag, are the stored ones: an entry can be stale
/// but never wrong, not even where a failed write was undone and its generation given out again. Sessions that fall on the same place push
/// each other out: no bookkeeping of use, no lock shared by all. What is dropped is overwritten.
final class HotSessions: Sendable {
    private struct Entry {
        var location: SessionLocation
        var record: SessionRecord
        var generation: UInt64
        var mark: SecretBytes<16>
        var proven: ProvenCredentials?
    }

    /// The place of one entry.
    private final class Stripe: Sendable {
        let places: Mutex<SparsePlaces<Entry>>

        init(capacity: Int) {
            self.places = Mutex(SparsePlaces(count: capacity))
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
        self.withPlace(of: identifier) { entry in
            guard let location = entry?.location, location.identifier == identifier else { return nil }
            return location
        }
    }

    /// The handle of a session that was used here before.
    func handle(of identifier: SessionIdentifier) -> SessionHandle? {
        self.withPlace(of: identifier) { entry in
            entry?.location.identifier == identifier ? entry?.record.origin?.handle : nil
        }
    }

    /// The record that these stored bytes hold, if it was opened or written here before.
    func record(in location: SessionLocation, storedAs stored: StoredSession) -> SessionRecord? {
        self.withPlace(of: location.identifier) { entry in
            guard let entry, entry.location.identifier == location.identifier, entry.generation == stored.generation,
                Self.mark(of: stored) == entry.mark
            else { return nil }
            return entry.record
        }
    }

    /// Keeps a record that is known to be what is stored.
    func remember(_ record: SessionRecord, storedAs stored: StoredSession, in location: SessionLocation) {
        guard stored.payload.count <= Self.largestPayload else { return self.forget(location.identifier) }
        let mark = Self.mark(of: stored)
        self.withPlace(of: location.identifier) { entry in
            if let known = entry, known.location.identifier == location.identifier, known.generation > stored.generation { return }
            let proven = entry?.location.identifier == location.identifier ? entry?.proven : nil
            entry = Entry(location: location, record: record, generation: stored.generation, mark: mark, proven: proven)
        }
    }

    /// What was proved last of what a session's client shows.
    func proven(of identifier: SessionIdentifier) -> ProvenCredentials? {
        self.withPlace(of: identifier) { $0?.location.identifier == identifier ? $0?.proven : nil }
    }

    func note(_ proven: ProvenCredentials, of identifier: SessionIdentifier) {
        self.withPlace(of: identifier) { entry in
            if entry?.location.identifier == identifier { entry?.proven = proven }
        }
    }

    func forget(_ identifier: SessionIdentifier) {
        self.withPlace(of: identifier) { entry in
            guard entry?.location.identifier == identifier else { return }
            // Overwritten first: `nil` alone would leave the bytes where they are.
            entry?.location.identifier = SessionIdentifier(SecretBytes())
            entry?.proven?.nonce = Nonce(position: 0, tag: SecretBytes())
            entry = nil
        }
    }

    private static func mark(of stored: StoredSession) -> SecretBytes<16> {
        var mark = SecretBytes<16>()
        let count = min(16, stored.payload.count)
        for index in 0..<count { mark[index] = stored.payload[stored.payload.count - count + index] }
        return mark
    }

    private func withPlace<Value: Sendable>(of identifier: SessionIdentifier, _ body: (inout Entry?) -> Value) -> Value {
        // Random bytes behind the number of the secret.
        let word = identifier.secret.bigEndian(at: 1, as: UInt64.self)
        let stripe = self.stripes[Int(truncatingIfNeeded: word & UInt64(Self.stripeCount - 1))]
        let index = Int(truncatingIfNeeded: (word >> 8) % UInt64(self.stripeCapacity))
        return stripe.places.withLock { places in
            places.withValue(at: index, body)
        }
    }
}
