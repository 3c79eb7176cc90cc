internal import ParanoidLinux
internal import ParanoidSessions

/// The heads of the two slots of a pair, unchecked, for the sweeper: he takes nothing away on the strength of them.
struct SlotHeads: Sendable, Equatable {
    private static let byteCount = StoredSession.headByteCount

    private let heads: (StoredSession?, StoredSession?)

    /// The head that the newest slot claims to have; `nil` where only a judgement of the pair can tell.
    var newest: StoredSession? {
        switch self.heads {
        case (let first?, let second?):
            if first.generation == second.generation { return nil }
            return first.generation > second.generation ? first : second
        case (let only?, nil), (nil, let only?): return only
        case (nil, nil): return nil
        }
    }

    /// Reads them; `nil` where a slot holds something else than a session or nothing.
    init?(of file: borrowing DirectoryEntryFile, _ layout: SlotLayout) throws(SystemCallError) {
        // The first pair is so small that one call is cheaper than two.
        let isTogether = layout == .first
        let stride = isTogether ? layout.capacity : Self.byteCount
        let heads = try unsafe withUnsafeTemporaryAllocation(byteCount: stride + Self.byteCount, alignment: 16) {
            (buffer) throws(SystemCallError) -> (StoredSession?, StoredSession?)? in
            let first = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.byteCount])
            let second = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[stride...])
            if isTogether {
                guard try unsafe file.read(into: buffer, at: layout.offset) == buffer.count else { return nil }
            } else {
                guard try unsafe file.read(into: first, at: layout.offset(ofSlot: 0)) == first.count,
                    try unsafe file.read(into: second, at: layout.offset(ofSlot: 1)) == second.count
                else { return nil }
            }
            guard let one = unsafe Self.head(UnsafeRawBufferPointer(first)), let other = unsafe Self.head(UnsafeRawBufferPointer(second))
            else {
                return nil
            }
            return (one, other)
        }
        guard let heads else { return nil }
        self.heads = heads
    }

    static func == (left: SlotHeads, right: SlotHeads) -> Bool { left.heads == right.heads }

    /// A head, or `.some(nil)` for a slot that was never written or was erased; `nil` for anything else, such as a marker.
    private static func head(_ bytes: UnsafeRawBufferPointer) -> StoredSession?? {
        if let head = unsafe StoredSession.decodeHead(bytes)?.head { return .some(head) }
        return unsafe bytes.allSatisfy { $0 == 0 } || bytes.elementsEqual(SessionSlots.eraser) ? .some(nil) : nil
    }
}
