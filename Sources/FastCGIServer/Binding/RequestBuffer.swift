internal import Glibc
internal import ParanoidLinux

/// The memory of connections that have a request, or part of one; an idle connection has none.
final class BufferPool: Sendable {
    /// The first size of the room for input, in bytes: most requests fit, and a body is read in pieces of this size.
    static let inputSize = 16 << 10
    /// The room for output in bytes: libfcgi's 8 KB with a record's header, and the end of the request behind them.
    static let outputSize = 8192 + RequestBuffer.endSize

    private let free = SparePlaces()

    /// Takes a block.
    func take() -> UnsafeMutableRawPointer {
        unsafe self.free.take() ?? .allocate(byteCount: Self.outputSize + Self.inputSize, alignment: 16)
    }

    /// Gives a block back.
    func give(_ block: UnsafeMutableRawPointer) {
        if unsafe !self.free.give(block) { unsafe block.deallocate() }
    }

    deinit {
        unsafe self.free.takeAll { block in unsafe block.deallocate() }
    }
}

/// The bytes of a connection that have arrived and are not used up, and those of the response on their way; for the connection's owner only.
///
/// The head stays at the beginning until its request is over, as its parameters are read where they lie; the records of the body pass
/// behind it.
@safe
struct RequestBuffer {
    /// Bytes that the end of a request takes: the end of the output, the end of the request and the empty record of a final one.
    static let endSize = 32

    private let pool: BufferPool
    private var block: UnsafeMutableRawPointer?
    /// The place of the input if it has outgrown the block.
    private var large: UnsafeMutableRawPointer?
    private var capacity = BufferPool.inputSize
    /// Where the records of the body begin.
    private var floor = 0
    /// The next byte that was not judged yet.
    private(set) var position = 0
    private var end = 0

    /// Has no memory yet.
    init(pool: BufferPool) {
        self.pool = pool
    }

    private var input: UnsafeMutableRawPointer? {
        if let large = unsafe self.large { return unsafe large }
        return unsafe self.block.map { unsafe $0 + BufferPool.outputSize }
    }

    /// The place for a response's bytes.
    var output: UnsafeMutableRawPointer? { unsafe self.block }

    /// All bytes that have arrived since the beginning of the head.
    var bytes: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: self.input, count: self.end) }

    /// How many bytes were not judged yet.
    var unread: Int { self.end - self.position }

    /// Gets memory if there is none.
    mutating func prepare() {
        if unsafe self.block == nil { unsafe self.block = self.pool.take() }
    }

    /// Gives the memory back; nothing of it may be used any more.
    mutating func release() {
        unsafe self.large?.deallocate()
        unsafe self.large = nil
        if let block = unsafe self.block { unsafe self.pool.give(block) }
        unsafe self.block = nil
        self.capacity = BufferPool.inputSize
        self.floor = 0
        self.position = 0
        self.end = 0
    }

    /// The room for bytes to come, at least `minimum`; moves bytes that were not judged yet.
    mutating func room(_ minimum: Int) -> UnsafeMutableRawBufferPointer {
        if self.position == self.end {
            self.position = self.floor
            self.end = self.floor
        } else if self.capacity - self.end < minimum, self.position > self.floor, let input = unsafe self.input {
            let count = self.end - self.position
            unsafe memmove(input + self.floor, input + self.position, count)
            self.position = self.floor
            self.end = self.floor + count
        }
        if self.capacity - self.end < minimum { self.grow(to: self.end + max(minimum, self.capacity)) }
        return unsafe UnsafeMutableRawBufferPointer(start: self.input.map { unsafe $0 + self.end }, count: self.capacity - self.end)
    }

    private mutating func grow(to capacity: Int) {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        if let input = unsafe self.input { unsafe larger.copyMemory(from: input, byteCount: self.end) }
        unsafe self.large?.deallocate()
        unsafe self.large = larger
        self.capacity = capacity
    }

    /// Bytes have arrived in the room.
    mutating func append(_ count: Int) {
        self.end += count
    }

    /// Notes that everything before a position was judged.
    mutating func advance(to position: Int) {
        self.position = position
    }

    /// Keeps everything before a position until ``restart()``: a head.
    mutating func keep(before position: Int) {
        self.floor = position
        self.position = position
    }

    /// Forgets what was judged: the bytes that were not are the beginning from now on.
    mutating func restart() {
        let count = self.unread
        if let input = unsafe self.input, count > 0 { unsafe memmove(input, input + self.position, count) }
        self.floor = 0
        self.position = 0
        self.end = count
    }
}
