internal import Synchronization

/// Opened records and derived keys by name, a bounded number of them.
///
/// A record is used only when generation and last bytes of the payload, which are its seal's tag, are the stored ones: a cache can be stale
/// but never wrong, not even where a failed write was undone and its generation given out again. Sessions that fall on the same place push
/// each other out: no bookkeeping of use, no lock shared by all.
final class OpenedSessionCache: Sendable {
    private struct Entry {
        var name: SessionName
        var record: SessionRecord
        var generation: UInt64
        var mark: [UInt8]
        var sealKey: SealKey
    }

    private final class Stripe: Sendable {
        let places: Mutex<[Entry?]>

        init(capacity: Int) {
            self.places = Mutex(Array(repeating: nil, count: capacity))
        }
    }

    private static let stripeCount = 16
    private static let markByteCount = 16
    private let stripes: [Stripe]
    private let stripeCapacity: Int

    init(capacity: Int) {
        self.stripeCapacity = max(1, capacity / Self.stripeCount)
        self.stripes = (0..<Self.stripeCount).map { [stripeCapacity] _ in Stripe(capacity: stripeCapacity) }
    }

    /// The record that these stored bytes hold, if it was opened or written here before.
    func record(of name: SessionName, storedAs stored: StoredSession) -> SessionRecord? {
        self.withPlace(of: name) { entry in
            guard let entry, entry.name == name, entry.generation == stored.generation,
                stored.payload.suffix(Self.markByteCount).elementsEqual(entry.mark)
            else { return nil }
            return entry.record
        }
    }

    func sealKey(of name: SessionName) -> SealKey? {
        self.withPlace(of: name) { entry in
            guard let entry, entry.name == name else { return nil }
            return entry.sealKey
        }
    }

    func remember(_ name: SessionName, record: SessionRecord, storedAs stored: StoredSession, sealKey: SealKey) {
        let mark = Array(stored.payload.suffix(Self.markByteCount))
        self.withPlace(of: name) { entry in
            if let known = entry, known.name == name, known.generation > stored.generation { return }
            entry = Entry(name: name, record: record, generation: stored.generation, mark: mark, sealKey: sealKey)
        }
    }

    func forget(_ name: SessionName) {
        self.withPlace(of: name) { entry in
            if entry?.name == name { entry = nil }
        }
    }

    private func withPlace<Value: Sendable>(of name: SessionName, _ body: (inout Entry?) -> Value) -> Value {
        let stripe = self.stripes[Int(truncatingIfNeeded: name.prefix & UInt64(Self.stripeCount - 1))]
        let index = Int(truncatingIfNeeded: (name.prefix >> 8) % UInt64(self.stripeCapacity))
        return stripe.places.withLock { places in
            body(&places[index])
        }
    }
}
