internal import Glibc
internal import Synchronization

/// Places for addresses of things that are used again and again, such as buffers, without a lock.
///
/// A lock around a list of them would be taken by every request. With more threads than processors, its holder is soon one that does not
/// run, and all others wait for it. Here each thread looks at a few places that are mostly its own.
///
/// `@unchecked Sendable`: the memory lives as long as this, each place is an atomic, and whoever takes an address owns what it names.
@safe
package final class SparePlaces: @unchecked Sendable {
    private typealias Place = Atomic<UInt>

    /// A group is one cache line.
    private static let group = 8
    private static let groups = 32

    private let places: UnsafeMutablePointer<Place>

    /// Creates empty places.
    package init() {
        unsafe self.places = .allocate(capacity: Self.group * Self.groups)
        for index in 0..<(Self.group * Self.groups) { unsafe (self.places + index).initialize(to: Place(0)) }
    }

    deinit {
        unsafe self.places.deinitialize(count: Self.group * Self.groups)
        unsafe self.places.deallocate()
    }

    /// Takes an address; `nil` if there is none near the calling thread.
    package func take() -> UnsafeMutableRawPointer? {
        let first = Self.firstOfThread
        for index in first..<(first + Self.group) where unsafe self.places[index].load(ordering: .relaxed) != 0 {
            let address = unsafe self.places[index].exchange(0, ordering: .acquiring)
            if address != 0 { return unsafe UnsafeMutableRawPointer(bitPattern: address) }
        }
        return nil
    }

    /// Gives an address back.
    ///
    /// - Returns: False if there is no room near the calling thread: the caller keeps it.
    package func give(_ address: UnsafeMutableRawPointer) -> Bool {
        let first = Self.firstOfThread
        for index in first..<(first + Self.group) where unsafe self.places[index].load(ordering: .relaxed) == 0 {
            let result = unsafe self.places[index].compareExchange(expected: 0, desired: UInt(bitPattern: address), ordering: .releasing)
            if result.exchanged { return true }
        }
        return false
    }

    /// Takes all addresses, for the end of what they name.
    package func takeAll(_ body: (UnsafeMutableRawPointer) -> Void) {
        for index in 0..<(Self.group * Self.groups) {
            let address = unsafe self.places[index].exchange(0, ordering: .acquiring)
            if let pointer = unsafe UnsafeMutableRawPointer(bitPattern: address) { unsafe body(pointer) }
        }
    }

    /// Threads that share a group by chance only share what is in it.
    private static var firstOfThread: Int {
        let mixed = UInt64(truncatingIfNeeded: pthread_self()) &* 0x9E37_79B9_7F4A_7C15
        return Int(mixed >> 59) * Self.group
    }
}
