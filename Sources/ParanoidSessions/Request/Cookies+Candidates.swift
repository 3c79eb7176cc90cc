internal import ParanoidHTTP

extension Cookies {
    /// The values under a name that could be ours, each once: which of several is ours is not for their order to say (RFC 6265bis section
    /// 4.2.2).
    func candidates<Value: Hashable>(_ name: String, _ parse: ([UInt8]) -> Value?) -> [Value] {
        var found: [Value] = []
        for bytes in self.all(name) {
            if let value = parse(bytes), !found.contains(value) { found.append(value) }
        }
        return found
    }
}
