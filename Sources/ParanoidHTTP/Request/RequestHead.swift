internal import HTTPTypes
internal import Logging
internal import Synchronization

/// The part of a request that never changes, shared by its copies, and what was parsed on demand.
final class RequestHead: Sendable {
    let method: HTTPRequest.Method
    let path: RequestPath
    let rawQuery: String
    let isSecure: Bool
    let clientAddress: String
    let parameters: any RequestParameters
    let makeHeaderFields: (@Sendable () -> HTTPFields)?
    let body: RequestBody
    let logger: Logger
    private let parsed = Mutex(Parsed())

    private struct Parsed {
        var headerFields: HTTPFields?
        var cookies: Cookies?
        var query: FormFields?
    }

    init(
        method: HTTPRequest.Method,
        path: RequestPath,
        rawQuery: String,
        isSecure: Bool,
        clientAddress: String,
        parameters: any RequestParameters,
        makeHeaderFields: (@Sendable () -> HTTPFields)?,
        body: RequestBody,
        logger: Logger
    ) {
        self.method = method
        self.path = path
        self.rawQuery = rawQuery
        self.isSecure = isSecure
        self.clientAddress = clientAddress
        self.parameters = parameters
        self.makeHeaderFields = makeHeaderFields
        self.body = body
        self.logger = logger
    }

    var headerFields: HTTPFields {
        self.cached(\.headerFields) {
            if let make = self.makeHeaderFields { return make() }
            var fields = HTTPFields()
            self.parameters.forEach { name, value in fields.append(parameter: name, value: value) }
            return fields
        }
    }

    var cookies: Cookies {
        self.cached(\.cookies) {
            self.parameters.withBytes(of: "HTTP_COOKIE") { header in
                guard let header else { return Cookies() }
                return Cookies(parsing: header)
            }
        }
    }

    var query: FormFields {
        self.cached(\.query) { FormFields(query: self.rawQuery) }
    }

    func header(_ name: HTTPField.Name) -> String? {
        guard let parameter = HeaderParameter.name(of: name), let text = self.parameters.text(of: parameter) else { return nil }
        return text.isEmpty && !parameter.utf8.starts(with: "HTTP_".utf8) ? nil : text
    }

    // The work is done outside the lock; when two threads do it at once, they get equal values.
    private func cached<Value: Sendable>(_ key: any WritableKeyPath<Parsed, Value?> & Sendable, _ make: () -> Value) -> Value {
        if let value = self.parsed.withLock({ $0[keyPath: key] }) { return value }
        let value = make()
        self.parsed.withLock { $0[keyPath: key] = value }
        return value
    }
}
