public import ParanoidHTTP

extension Application {
    /// A form of the status.
    public enum StatusForm: String, Sendable, Hashable, CaseIterable {
        /// A page for a browser.
        case page
        /// The same numbers for programs, as JSON.
        case json
        /// Metrics in the text form of Prometheus.
        case metrics

        fileprivate var path: String {
            switch self {
            case .page: "/status.html"
            case .json: "/status.json"
            case .metrics: "/metrics"
            }
        }

        fileprivate var type: String {
            switch self {
            case .page: "text/html; charset=utf-8"
            case .json: "application/json"
            case .metrics: "text/plain; version=0.0.4; charset=utf-8"
            }
        }
    }

    /// The status of this application as a response, for a route that only the application's administrators reach.
    ///
    /// ```swift
    /// app.get("/admin/status") { request in
    ///     try await request.session.require(.password)
    ///     return try app.status()
    /// }
    /// ```
    ///
    /// The status has no secrets and no paths, but shows how busy the application is, and with which requests. It asks the first process over
    /// the status socket (`PARANOID_STATUS`); blocks for a millisecond as a rule, for at most ten seconds where that process is stuck.
    ///
    /// - Parameter form: What is wanted.
    /// - Returns: A response that no cache stores.
    /// - Throws: ``HTTPError`` with status 503 where there is no status socket or nobody answers on it, as in a test without a server.
    public func status(_ form: StatusForm = .page) throws -> Response {
        let answer: StatusClient.Answer
        do {
            answer = try StatusClient(self.configuration, address: nil).get(form.path)
        } catch {
            throw HTTPError(.serviceUnavailable, message: "The status cannot be asked for.", cause: error)
        }
        guard answer.status == 200 else { throw HTTPError(.serviceUnavailable, message: "The status cannot be asked for.") }
        var response = Response.text(answer.body)
        try response.setHeader(form.type, for: .contentType)
        try response.setHeader("no-store", for: .cacheControl)
        try response.setHeader(StatusResponse.contentSecurityPolicy, for: .contentSecurityPolicy)
        return response
    }
}
