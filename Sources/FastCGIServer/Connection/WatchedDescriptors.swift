internal import ParanoidLinux
internal import Synchronization

/// Descriptors that are no connections, and what to do when they become readable.
final class WatchedDescriptors: Sendable {
    private final class Entry: Sendable {
        let descriptor: OwnedDescriptor
        let repeats: Bool
        let onReadable: @Sendable () -> Void

        init(_ descriptor: consuming OwnedDescriptor, repeats: Bool, _ onReadable: @escaping @Sendable () -> Void) {
            self.descriptor = descriptor
            self.repeats = repeats
            self.onReadable = onReadable
        }
    }

    private let entries = Mutex<[Entry]>([])

    /// Keeps a descriptor.
    ///
    /// - Returns: Its place, and its number for the poll.
    func add(
        _ descriptor: consuming OwnedDescriptor,
        repeats: Bool,
        _ onReadable: @escaping @Sendable () -> Void
    ) -> (index: Int, number: CInt) {
        let entry = Entry(descriptor, repeats: repeats, onReadable)
        return self.entries.withLock { entries in
            entries.append(entry)
            return (entries.count - 1, entry.descriptor.number)
        }
    }

    /// Does what is to be done for the descriptor at a place.
    ///
    /// - Returns: The number of the descriptor if it is to be waited for again.
    func call(_ index: Int) -> CInt? {
        let entry = self.entries.withLock { $0.indices.contains(index) ? $0[index] : nil }
        guard let entry else { return nil }
        entry.onReadable()
        return entry.repeats ? entry.descriptor.number : nil
    }
}
