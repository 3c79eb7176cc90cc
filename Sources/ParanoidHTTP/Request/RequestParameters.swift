/// The raw parameters of one request, such as `HTTP_COOKIE` or `SERVER_NAME`, as bytes.
///
/// They are valid until the request is finished; look-ups after that find nothing. Any thread may call.
public protocol RequestParameters: Sendable {
    /// Lends the bytes of the first parameter called `name`, or `nil` when there is none.
    ///
    /// Names are compared byte by byte.
    func withBytes<Outcome>(of name: String, _ body: (RawSpan?) -> Outcome) -> Outcome

    /// Lends every parameter in the order of arrival.
    func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void)
}

extension RequestParameters {
    /// A copy of the bytes of a parameter; `nil` when there is none.
    public func bytes(of name: String) -> [UInt8]? {
        self.withBytes(of: name) { $0?.copied() }
    }

    /// A parameter as text, `nil` when there is none or when it is not UTF-8.
    ///
    /// Do not compare secrets or identities this way; use ``bytes(of:)``, as different bytes can be equal strings.
    public func text(of name: String) -> String? {
        self.withBytes(of: name) { $0?.text() }
    }
}
