import ParanoidFastCGI

extension SessionKey<Int> {
    /// How often this session was at `/session`, `/safe` or `/slow`.
    static var hits: Self { Self("hits") }
}

extension SessionKey<[String: String]> {
    /// What was stored with `POST /session/values`.
    static var values: Self { Self("values") }
}
