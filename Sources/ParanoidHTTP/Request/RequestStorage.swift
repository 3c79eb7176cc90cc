/// Names a value that middleware attaches to a request.
///
/// ```swift
/// enum TenantKey: RequestStorageKey { typealias Value = Tenant }
/// request[TenantKey.self] = tenant
/// ```
public protocol RequestStorageKey {
    /// The type of the value.
    associatedtype Value: Sendable
}

/// The values attached to a request; there are few, so a list heartbeat a dictionary.
struct RequestStorage: Sendable {
    private var entries: [(key: ObjectIdentifier, value: any Sendable)] = []

    subscript<Key: RequestStorageKey>(_: Key.Type) -> Key.Value? {
        get {
            let key = ObjectIdentifier(Key.self)
            for entry in self.entries where entry.key == key { return entry.value as? Key.Value }
            return nil
        }
        set {
            let key = ObjectIdentifier(Key.self)
            let index = self.entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): self.entries[index].value = value
            case (let index?, nil): self.entries.remove(at: index)
            case (nil, let value?): self.entries.append((key, value))
            case (nil, nil): break
            }
        }
    }
}
