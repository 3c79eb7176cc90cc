internal import ParanoidHTTP

extension ClientTraits {
    /// The traits of a request: the raw bytes of the named parameters, in their order.
    ///
    /// Header fields would not do: they turn control bytes into blanks without a word.
    init(of request: Request, parameters: [String]) {
        self.init(parameters.map { request.parameters.bytes(of: $0) })
    }
}
