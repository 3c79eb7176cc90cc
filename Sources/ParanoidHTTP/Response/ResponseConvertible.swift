/// What a handler may return.
public protocol ResponseConvertible: SendableMetatype {
    /// The response that is sent.
    func makeResponse() throws -> Response
}

extension String: ResponseConvertible {
    /// The text as `text/plain; charset=utf-8`.
    public func makeResponse() -> Response { .text(self) }
}
