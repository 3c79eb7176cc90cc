internal import Synchronization

/// The connections of a server by descriptor number.
///
/// A ``FastCGIConnection`` is made when its number first comes up and then serves every connection that gets the number. So it can be
/// reached without a lock; what it says is true for the moment.
///
/// `@unchecked Sendable`: the memory lives as long as the table, and each cell is an atomic.
@safe
final class ConnectionTable: @unchecked Sendable {
    private typealias Cell = Atomic<UnsafeMutableRawPointer?>

    /// Numbers from here on have no place; such connections are closed as they come.
    static let capacity = 1 << 16

    private let cells: UnsafeMutablePointer<Cell>
    private let limit = Atomic<Int>(0)

    /// Creates an empty table.
    init() {
        unsafe self.cells = .allocate(capacity: Self.capacity)
        for number in 0..<Self.capacity {
            unsafe (self.cells + number).initialize(to: Cell(nil))
        }
    }

    deinit {
        for number in 0..<Self.capacity {
            if let object = unsafe self.cells[number].load(ordering: .acquiring) {
                unsafe Unmanaged<FastCGIConnection>.fromOpaque(object).release()
            }
        }
        unsafe self.cells.deinitialize(count: Self.capacity)
        unsafe self.cells.deallocate()
    }

    /// The connection of a number that has come up before.
    subscript(number: Int) -> FastCGIConnection? {
        guard number < Self.capacity, let object = unsafe self.cells[number].load(ordering: .acquiring) else { return nil }
        return unsafe Unmanaged<FastCGIConnection>.fromOpaque(object).takeUnretainedValue()
    }

    /// The connection of a number, made if the number comes up for the first time; `nil` if there is no place for the number.
    ///
    /// Only who has just got the number from the system may call this, so there is one caller per number at a time.
    func connection(_ number: Int, make: () -> FastCGIConnection) -> FastCGIConnection? {
        if let known = self[number] { return known }
        guard number < Self.capacity else { return nil }
        let connection = make()
        unsafe self.cells[number].store(Unmanaged.passRetained(connection).toOpaque(), ordering: .releasing)
        self.limit.max(number + 1, ordering: .acquiringAndReleasing)
        return connection
    }

    /// Calls `body` for each number that has come up.
    func forEach(_ body: (FastCGIConnection) -> Void) {
        for number in 0..<self.limit.load(ordering: .acquiring) {
            if let connection = self[number] { body(connection) }
        }
    }
}

/// Names one connection for its whole life: its descriptor's number, and how many connections had that number before.
///
/// An event may be delivered after its connection is gone and the number has the next one; the generation tells them apart.
struct ConnectionToken: Sendable, Hashable {
    /// The descriptor's number.
    let number: UInt32
    /// The use of the number.
    let generation: UInt32

    /// Both in one word, the tag of an event.
    var tag: UInt64 { UInt64(self.generation) << 32 | UInt64(self.number) }

    /// Creates a token from its parts.
    init(number: UInt32, generation: UInt32) {
        self.number = number
        self.generation = generation
    }

    /// Reads a token back from an event's tag.
    init(tag: UInt64) {
        self.number = UInt32(truncatingIfNeeded: tag)
        self.generation = UInt32(tag >> 32)
    }
}
