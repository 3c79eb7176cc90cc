/// The form in which C takes arguments and environments: a NULL-terminated list of NUL-terminated strings.
@unsafe
enum CStringArray {
    /// Lends `strings` in that form.
    ///
    /// None of them may contain a NUL byte: it would cut the string short.
    static func withPointers<Outcome>(
        to strings: [[UInt8]],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Outcome
    ) -> Outcome {
        precondition(strings.allSatisfy { !$0.contains(0) }, "a NUL byte inside a C string")
        var storage: [CChar] = []
        var starts: [Int] = []
        for string in strings {
            starts.append(storage.count)
            storage += string.map { CChar(bitPattern: $0) } + [0]
        }
        return unsafe storage.withUnsafeMutableBufferPointer { storage in
            var pointers: [UnsafeMutablePointer<CChar>?] = unsafe starts.map { unsafe storage.baseAddress! + $0 }
            unsafe pointers.append(nil)
            return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
        }
    }
}
