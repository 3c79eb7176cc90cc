/// The parameters that the web server has sent with a request, such as `HTTP_COOKIE` or `SERVER_NAME`, as bytes (RFC 3875, section 4.1).
///
/// They are valid until the request is finished; look-ups after that find nothing. Any thread may call. `HTTP_PROXY` is never among them
/// (CVE-2016-5385). Of a parameter that came twice the first one counts.
package protocol RequestParameters: Sendable {
    /// Calls `body` once, with the bytes of the first parameter called `name`, or with `nil` when there is none.
    ///
    /// Names are compared byte by byte.
    func lend(_ name: String, to body: (RawSpan?) -> Void)

    /// The same for several names, in their order; costs less than one after the other.
    func lend(all names: [String], to body: (RawSpan?) -> Void)

    /// Lends every parameter in the order of arrival.
    func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void)
}

extension RequestParameters {
    package func lend(all names: [String], to body: (RawSpan?) -> Void) {
        for name in names { self.lend(name, to: body) }
    }

    /// Lends the bytes of the first parameter called `name`, or `nil` when there is none.
    @inlinable
    package func withBytes<Outcome>(of name: String, _ body: (RawSpan?) -> Outcome) -> Outcome {
        // Not a requirement: a generic function that is called through `any` has to find out at run time what its outcome is.
        var outcome: Outcome?
        self.lend(name) { outcome = body($0) }
        guard let outcome else { preconditionFailure("parameters are lent once") }
        return outcome
    }

    /// A copy of the bytes of a parameter; `nil` when there is no parameter of that name.
    package func bytes(of name: String) -> [UInt8]? {
        var bytes: [UInt8]?
        self.lend(name) { bytes = $0?.copied() }
        return bytes
    }

    /// The values of all parameters of a name as one list, in their order and with commas between them (RFC 9110, section 5.3); `nil` when there
    /// is none.
    ///
    /// For fields that are lists, such as `HTTP_X_FORWARDED_FOR`: each proxy may have added a line of its own.
    package func joinedBytes(of name: String) -> [UInt8]? {
        var joined: [UInt8]?
        self.forEach { other, value in
            guard other.equals(name) else { return }
            joined = joined.map { $0 + [UInt8(ascii: ","), UInt8(ascii: " ")] + value.copied() } ?? value.copied()
        }
        return joined
    }

    /// A parameter as text; `nil` when there is no parameter of that name, or it is not UTF-8.
    ///
    /// Compare secrets and identities with ``bytes(of:)`` instead: Swift takes two spellings of a character for equal strings.
    package func text(of name: String) -> String? {
        var text: String?
        self.lend(name) { text = $0?.text() }
        return text
    }
}

extension Request {
    /// A parameter that the web server has sent with the request, such as `SERVER_NAME`, as text (RFC 3875, section 4.1).
    ///
    /// `nil` when there is none of that name, when it is not UTF-8, and after the request is finished. Any thread may call. Of a parameter
    /// that came twice the first one counts. Compare secrets and identities with ``parameterBytes(_:)`` instead: Swift takes two spellings of
    /// a character for equal strings.
    public func parameter(_ name: String) -> String? { self.parameters.text(of: name) }

    /// A copy of the bytes of a parameter that the web server has sent with the request.
    ///
    /// `nil` when there is none of that name, and after the request is finished. Names are compared byte by byte. `HTTP_PROXY` is never
    /// there (CVE-2016-5385).
    public func parameterBytes(_ name: String) -> [UInt8]? { self.parameters.bytes(of: name) }
}

/// Parameters held in memory, for requests that do not come from a web server.
package struct InMemoryParameters: RequestParameters {
    private var pairs: [(name: [UInt8], value: [UInt8])] = []

    /// Creates an empty list.
    package init() {}

    /// Creates a list from texts, in their order; a name may repeat.
    package init(_ pairs: KeyValuePairs<String, String>) {
        for (name, value) in pairs { self.append(name: Array(name.utf8), value: Array(value.utf8)) }
    }

    /// Adds a parameter at the end.
    package mutating func append(name: [UInt8], value: [UInt8]) {
        self.pairs.append((name, value))
    }

    package func lend(_ name: String, to body: (RawSpan?) -> Void) {
        let count = name.utf8.count
        let pairs = self.pairs.span
        for index in pairs.indices where pairs[index].name.count == count {
            let pair = pairs[index]
            let found = unsafe pair.name.span.bytes
            if found.equals(name) { return unsafe body(pair.value.span.bytes) }
        }
        body(nil)
    }

    package func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) {
        for pair in self.pairs { unsafe body(pair.name.span.bytes, pair.value.span.bytes) }
    }
}
