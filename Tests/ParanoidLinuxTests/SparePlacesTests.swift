import ParanoidLinux
import Testing

@Suite("Spare places")
struct SparePlacesTests {
    @Test("give back each address once")
    func once() {
        let places = SparePlaces()
        #expect(unsafe places.take() == nil)
        let block = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
        defer { unsafe block.deallocate() }
        #expect(unsafe places.give(block))
        #expect(unsafe places.take() == block)
        #expect(unsafe places.take() == nil)
    }

    @Test("refuse what they have no room for, and lose nothing of the rest")
    func full() {
        let places = SparePlaces()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
        defer { unsafe memory.deallocate() }
        let kept = (0..<100).count { index in unsafe memory.baseAddress.map { unsafe places.give($0 + index) } ?? false }
        #expect(kept > 0 && kept < 100)
        var count = 0
        unsafe places.takeAll { _ in count += 1 }
        #expect(count == kept)
        #expect(unsafe places.take() == nil)
    }

    @Test("never give one address to two threads")
    func exclusive() async {
        let places = SparePlaces()
        let clashes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var clashes = 0
                    for _ in 0..<20_000 {
                        let block = unsafe places.take() ?? .allocate(byteCount: 8, alignment: 8)
                        // Whoever owns it writes and reads without an atomic; the thread sanitizer sees every clash, and this most of them.
                        let mark = UInt64.random(in: 0...UInt64.max)
                        unsafe block.storeBytes(of: mark, as: UInt64.self)
                        if unsafe block.load(as: UInt64.self) != mark { clashes += 1 }
                        if unsafe !places.give(block) { unsafe block.deallocate() }
                    }
                    return clashes
                }
            }
            return await group.reduce(0, +)
        }
        #expect(clashes == 0)
        unsafe places.takeAll { block in unsafe block.deallocate() }
    }
}
