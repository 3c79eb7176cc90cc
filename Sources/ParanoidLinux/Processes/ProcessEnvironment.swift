internal import CLinux
internal import Glibc

/// A process's environment: names and values as bytes, in no particular order.
///
/// This file is the only reader of the real one. Parameters of requests never get in here.
package struct ProcessEnvironment: Sendable, Hashable {
    private var values: [[UInt8]: [UInt8]] = [:]

    /// Makes an empty environment.
    package init() {}

    /// Copies this process's environment.
    ///
    /// Call it while no other thread changes that.
    package static func current() -> ProcessEnvironment {
        var environment = ProcessEnvironment()
        guard var next = unsafe clinux_environment() else { return environment }
        while let entry = unsafe next.pointee {
            let bytes = unsafe Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry)))
            if let separator = bytes.firstIndex(of: UInt8(ascii: "=")), separator > 0 {
                let name = Array(bytes[..<separator])
                // Of two entries with one name getenv(3) finds the first.
                if environment.values[name] == nil { environment.values[name] = Array(bytes[(separator + 1)...]) }
            }
            unsafe next += 1
        }
        return environment
    }

    /// The value as text, `nil` if the name is absent.
    ///
    /// Bytes that are not UTF-8 become U+FFFD; ``bytes(of:)`` has them as they are.
    ///
    /// Names are compared by their bytes. A new value must not contain a NUL byte.
    package subscript(_ name: String) -> String? {
        get { self.bytes(of: name).map { String(decoding: $0, as: UTF8.self) } }
        set { self.set(Array(name.utf8), to: newValue.map { Array($0.utf8) }) }
    }

    /// The value as bytes, `nil` if the name is absent.
    package func bytes(of name: String) -> [UInt8]? {
        self.values[Array(name.utf8)]
    }

    /// All names, sorted; bytes that are not UTF-8 become U+FFFD.
    package var names: [String] {
        self.values.keys.map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Sets or removes (`nil`) one value.
    package mutating func set(_ name: [UInt8], to value: [UInt8]?) {
        precondition(!name.isEmpty && !name.contains(0) && !name.contains(UInt8(ascii: "=")), "not a name")
        precondition(value?.contains(0) != true, "a NUL byte in a value")
        self.values[name] = value
    }

    /// Takes all of the other's values over; where both have a name, the other's value wins.
    package mutating func merge(_ other: ProcessEnvironment) {
        self.values.merge(other.values) { _, theirs in theirs }
    }

    /// The entries in the form of `environ(7)`, without the terminating NUL bytes, sorted.
    package var entries: [[UInt8]] {
        self.values.map { $0.key + [UInt8(ascii: "=")] + $0.value }.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
