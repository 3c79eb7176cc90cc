package import HTTPTypes

extension MetaVariables {
    /// The method as a value of HTTPTypes.
    package var requestMethod: HTTPRequest.Method {
        guard let method = HTTPRequest.Method(self.method) else { preconditionFailure("the reader lets only tokens through") }
        return method
    }
}

extension HTTPRequest {
    /// The request that the parameters describe, for libraries that speak HTTPTypes.
    ///
    /// - Parameters:
    ///   - variables: The checked parameters.
    ///   - authority: The value of the `Host` field, if any.
    ///   - fields: The header fields, see ``HTTPTypes/HTTPFields``.
    package init(_ variables: MetaVariables, authority: String?, fields: HTTPFields) {
        self.init(
            method: variables.requestMethod,
            scheme: variables.isSecure ? "https" : "http",
            authority: authority,
            path: variables.rawQuery.isEmpty ? variables.rawPath : "\(variables.rawPath)?\(variables.rawQuery)",
            headerFields: fields
        )
    }
}
