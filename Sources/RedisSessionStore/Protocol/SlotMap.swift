#if Redis
/// Which master serves which slot, as far as it is known.
struct SlotMap: Sendable {
    private var endpoints: [RedisEndpoint] = []
    /// For each slot, a place in the list plus 1; 0: unknown.
    private var places = [UInt16](repeating: 0, count: HashSlot.count)

    /// Creates a map that knows nothing.
    init() {}

    /// Reads a reply to `CLUSTER SLOTS`; `nil` when it is none.
    init?(_ reply: RedisReply, from asked: RedisEndpoint) {
        guard let ranges = reply.elements else { return nil }
        for range in ranges {
            guard let parts = range.elements, parts.count >= 3, let first = parts[0].number, let last = parts[1].number,
                first <= last, last < HashSlot.count, let node = parts[2].elements, node.count >= 2, let port = node[1].number
            else { return nil }
            let host = node[0].bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
            guard let port = UInt16(exactly: port), let endpoint = Redirection.endpoint(host: host, port: port, asked) else { return nil }
            for slot in first...last { self[UInt16(slot)] = endpoint }
        }
    }

    /// The master of a slot.
    subscript(slot: UInt16) -> RedisEndpoint? {
        get { self.places[Int(slot)] == 0 ? nil : self.endpoints[Int(self.places[Int(slot)]) - 1] }
        set {
            guard let newValue else { return self.places[Int(slot)] = 0 }
            let index: Int
            if let known = self.endpoints.firstIndex(of: newValue) {
                index = known
            } else {
                index = self.endpoints.count
                self.endpoints.append(newValue)
            }
            self.places[Int(slot)] = UInt16(index + 1)
        }
    }

    /// All masters.
    var masters: [RedisEndpoint] { self.endpoints }

    /// How many slots have a master.
    var servedCount: Int { self.places.count { $0 != 0 } }
}
#endif
