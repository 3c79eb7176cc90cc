internal import Glibc

/// Small files of the system that are read as a whole.
internal enum ProcFile {
    /// The contents, at most 1 MiB of them; `nil` when the file cannot be read.
    static func contents(of path: String) -> [UInt8]? {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = OwnedDescriptor(owning: number)
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 16384) { buffer, initialized in
                initialized = max(0, unsafe read(descriptor.number, buffer.baseAddress, buffer.count))
            }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return bytes
    }
}
