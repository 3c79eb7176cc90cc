internal import Synchronization

/// The `Cookie` fields that sessions' clients have shown lately, with what was read in them; a bounded number.
///
/// A client shows the same bytes until one of its cookies changes. What is read in them follows from the bytes alone, so the same bytes
/// need not be read again. They are compared to the last one, in a time that does not depend on where they differ. An entry says nothing of
/// the session: that is looked up and checked with each request. Fields that fall on the same place push each other out; what is dropped
/// is overwritten.
final class KnownCookieFields: Sendable {
    /// A field and what was read in it; never changed until it is dropped.
    final class Entry: @unchecked Sendable {
        private var field: [UInt8]
        let values: SessionCookies.Values

        fileprivate init(_ field: RawSpan, _ values: SessionCookies.Values) {
            self.field = unsafe field.withUnsafeBytes { unsafe Array($0) }
            self.values = values
        }

        fileprivate func holds(_ other: RawSpan) -> Bool {
            unsafe self.field.withUnsafeBytes { field in unsafe other.withUnsafeBytes { unsafe field.hasSameBytes(as: $0) } }
        }

        deinit { self.overwrite() }

        @inline(never)
        private func overwrite() {
            for index in self.field.indices { self.field[index] = 0 }
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
    private static let stripeCapacity = 64
    /// Longer fields are read each time.
    static let longestField = 1024
    private let stripes: [Stripe]
    /// Random, so that nobody can choose fields that push out another client's.
    private let seed: UInt64

    init(seed: UInt64 = .random(in: 0...UInt64.max)) {
        self.stripes = (0..<Self.stripeCount).map { _ in Stripe(capacity: Self.stripeCapacity) }
        self.seed = seed
    }

    /// What was read in the same bytes; `nil` where they are not known.
    func entry(of field: RawSpan) -> Entry? {
        guard field.byteCount <= Self.longestField else { return nil }
        let (stripe, index) = self.place(of: field)
        let entry = self.stripes[stripe].places.withLock { $0[index] }
        guard let entry, entry.holds(field) else { return nil }
        return entry
    }

    /// Keeps what was read in a field.
    func remember(_ values: SessionCookies.Values, in field: RawSpan) {
        guard field.byteCount <= Self.longestField else { return }
        let (stripe, index) = self.place(of: field)
        let entry = Entry(field, values)
        self.stripes[stripe].places.withLock { $0[index] = entry }
    }

    private func place(of field: RawSpan) -> (stripe: Int, index: Int) {
        var hash = self.seed ^ UInt64(field.byteCount)
        unsafe field.withUnsafeBytes { bytes in
            unsafe bytes.forEachWord { word in
                hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
            }
        }
        return (Int(hash >> 60) % Self.stripeCount, Int((hash >> 48) & 0xFFF) % Self.stripeCapacity)
    }
}

extension UnsafeRawBufferPointer {
    /// Gives eight bytes at a time; the last ones overlap those before, or come one by one where there are fewer.
    @inline(__always)
    fileprivate func forEachWord(_ body: (UInt64) -> Void) {
        guard self.count >= 8 else {
            for index in 0..<self.count { body(unsafe UInt64(self[index])) }
            return
        }
        var offset = 0
        while offset &+ 8 <= self.count {
            body(unsafe self.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        if offset < self.count { body(unsafe self.loadUnaligned(fromByteOffset: self.count &- 8, as: UInt64.self)) }
    }
}
