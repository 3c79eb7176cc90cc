internal import CLinux

/// The kernel's generator, asked anew each time: nothing is kept that a copy of the process could repeat (`getrandom(2)`).
package struct SystemRandom: RandomNumberGenerator, Sendable {
    /// Not empty: the thread sanitizer looks at the address of what is passed `inout`, and an empty value has none.
    private var drawn: UInt64 = 0

    package init() {}

    package mutating func next() -> UInt64 {
        self.drawn &+= 1
        var word: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &word) { bytes in
            unsafe Self.fill(bytes)
        }
        return word
    }

    /// Fills `bytes` in one call.
    ///
    /// The kernel refuses only before its pool is initialised, long before any service starts.
    package static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let address = bytes.baseAddress else { return }
        precondition(unsafe clinux_random(address, bytes.count) == 0, "getrandom(2) failed")
    }

    /// Draws `count` bytes.
    package static func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe Self.fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
            initialized = count
        }
    }
}
