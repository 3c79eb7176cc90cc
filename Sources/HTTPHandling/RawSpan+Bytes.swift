extension RawSpan {
    /// The byte at `offset`; traps outside the span.
    @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        unsafe self.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The bytes in an array of their own.
    func copied() -> [UInt8] {
        unsafe self.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// The bytes as text, `nil` unless they are valid UTF-8.
    func text() -> String? {
        unsafe self.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }
}
