package import HTTPTypes

/// A request that comes from this process: from a test, or from a page that shows how others would be answered.
package struct InProcessRequest: Sendable {
    /// The method.
    package var method: HTTPRequest.Method
    /// The path with its query, as it would stand in the request line.
    package var path: String
    /// Parameters as the web server would send them (`HTTPS`, `REMOTE_ADDR`, `HTTP_COOKIE`, …); those that follow from method, path and
    /// body are added.
    package var parameters: [(name: String, value: String)]
    /// The body.
    package var body: [UInt8]

    /// Creates a request.
    package init(
        method: HTTPRequest.Method = .get,
        path: String,
        parameters: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.parameters = parameters
        self.body = body
    }
}
