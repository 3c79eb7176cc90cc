internal import ParanoidHTTP

/// What browsers say about why they ask (W3C Fetch Metadata, `Sec-Purpose` of the Fetch standard).
enum FetchMetadata {
    /// Whether the answer is a good occasion for new cookie values: a navigation, or a page's own request for data.
    ///
    /// Not what is fetched ahead of time and may never be shown, and not images and the like, which come in bursts and can be served by a
    /// cache or a service worker. A client that says nothing is judged by time alone.
    static func isOccasion(_ request: Request) -> Bool {
        let parameters = request.parameters
        for name in ["HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"] {
            if let purpose = parameters.bytes(of: name), purpose.starts(with: "prefetch".utf8) { return false }
        }
        guard let mode = parameters.bytes(of: "HTTP_SEC_FETCH_MODE") else { return true }
        if mode == Array("navigate".utf8) { return true }
        guard parameters.bytes(of: "HTTP_SEC_FETCH_DEST") == Array("empty".utf8) else { return false }
        let site = parameters.bytes(of: "HTTP_SEC_FETCH_SITE")
        return site == Array("same-origin".utf8) || site == nil
    }
}
