internal import ParanoidHTTP

/// Where a request carries its session's exchange.
enum SessionSlot: RequestStorageKey {
    typealias Value = SessionExchange
}
