internal import HTTPHandling
internal import SessionSecurity

/// Takes claims out of requests and puts what clients have to know into responses.
struct SessionCookies: Sendable {
    /// The worthless second key of the package of 2009.
    private static let unusable = "None"

    let configuration: SessionCookieConfiguration
    let checkedParameters: [String]

    /// What a request presents.
    func claim(of request: Request) -> SessionClaim {
        let cookies = request.cookies
        let identifiers = cookies.all(self.configuration.sessionName)
        return SessionClaim(
            identifier: self.onlyOne(identifiers.map { SessionIdentifier(cookieValue: $0) }),
            presentsIdentifier: !identifiers.isEmpty,
            nonce: self.onlyOne(cookies.all(self.configuration.nonceName).map { Nonce(cookieValue: $0) }),
            secondKey: self.onlyOne(cookies.all(self.configuration.secondName).map { SecondKey(cookieValue: $0) }),
            isSecure: request.isSecure,
            traits: ClientTraits(of: request, parameters: self.checkedParameters)
        )
    }

    /// Sets the cookies of a response.
    func set(_ changes: SessionCookieChanges, identifier: SessionIdentifier?, deletesAll: Bool, in response: inout Response) throws {
        let names = self.configuration
        let isSecure = names.isSecure
        if let nonce = changes.nonce {
            response.setCookie(try names.cookie(names.nonceName, value: nonce.cookieValue, maxAge: changes.maxAge, isSecure: isSecure))
        }
        switch changes.second {
        case .set(let key)?:
            response.setCookie(try names.cookie(names.secondName, value: key.cookieValue, maxAge: changes.maxAge, isSecure: true))
        case .unusable?:
            response.setCookie(try names.cookie(names.secondName, value: Self.unusable, maxAge: changes.maxAge, isSecure: true))
        case nil: break
        }
        switch (changes.identifier, identifier) {
        case (.set, let identifier?):
            let value = identifier.cookieValue
            response.setCookie(try names.cookie(names.sessionName, value: value, maxAge: changes.maxAge, isSecure: isSecure))
        case (.deleted, _):
            response.setCookie(try names.deletion(names.sessionName, isSecure: isSecure))
            if deletesAll {
                response.setCookie(try names.deletion(names.nonceName, isSecure: isSecure))
                response.setCookie(try names.deletion(names.secondName, isSecure: true))
            }
        case (.set, nil), (.unchanged, _): break
        }
    }

    /// Of several cookies with one name the order says nothing (RFC 6265bis section 4.2.2): those that cannot be ours do not count, and
    /// if more than one is left none does.
    private func onlyOne<Value: Hashable>(_ candidates: [Value?]) -> Value? {
        var found: Value?
        for case let candidate? in candidates {
            if let found, found != candidate { return nil }
            found = candidate
        }
        return found
    }
}
