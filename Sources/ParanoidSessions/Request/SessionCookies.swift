internal import ParanoidHTTP

/// Takes claims out of requests and puts what clients have to know into responses.
struct SessionCookies: Sendable {
    /// The worthless second key of the package of 2009.
    private static let unusable = "None"

    let configuration: SessionCookieConfiguration
    let checkedParameters: [String]
    private let signals: SignalReader
    private let followsBrowsers: Bool
    private let sessionName: String
    private let nonceName: String
    private let secondName: String

    init(configuration: HTTPSessionsConfiguration) {
        self.configuration = configuration.cookies
        self.checkedParameters = configuration.checkedParameters
        self.signals = SignalReader(rules: configuration.signals, network: configuration.network)
        self.followsBrowsers = !configuration.guardSettings.profile.isCompatible
        self.sessionName = configuration.cookies.sessionCookie
        self.nonceName = configuration.cookies.nonceCookie
        self.secondName = configuration.cookies.secondCookie
    }

    /// What a request presents.
    func claim(of request: Request) -> PresentedCredentials {
        let cookies = request.cookies
        let identifiers = cookies.candidates(self.sessionName) { SessionIdentifier(cookieValue: $0) }
        let nonces = cookies.candidates(self.nonceName) { Nonce(cookieValue: $0) }
        let secondKeys = cookies.candidates(self.secondName) { SecureKey(cookieValue: $0) }
        var claim = PresentedCredentials(
            identifier: identifiers.count == 1 ? identifiers[0] : nil,
            presentsIdentifier: cookies.contains(self.sessionName),
            nonce: nonces.count == 1 ? nonces[0] : nil,
            secureKey: secondKeys.count == 1 ? secondKeys[0] : nil,
            isSecure: request.isSecure,
            traits: ClientTraits(of: request, parameters: self.checkedParameters)
        )
        claim.signals = self.signals.signals(of: request)
        guard self.followsBrowsers else { return claim }
        claim.mayRotate = { FetchMetadata.isOccasion(request) }
        if max(identifiers.count, nonces.count, secondKeys.count) > 1 {
            claim.candidates = SessionCandidates(identifiers: identifiers, nonces: nonces, secondKeys: secondKeys)
        }
        return claim
    }

    /// Sets the cookies of a response.
    func set(_ changes: SessionCookieChanges, identifier: SessionIdentifier?, deletesAll: Bool, in response: inout Response) throws {
        let names = self.configuration
        let isSecure = names.isSecure
        if let nonce = changes.nonce {
            response.setCookie(try names.cookie(self.nonceName, value: nonce.cookieValue, maxAge: changes.maxAge, isSecure: isSecure))
        }
        switch changes.second {
        case .set(let key)?:
            response.setCookie(try names.cookie(self.secondName, value: key.cookieValue, maxAge: changes.maxAge, isSecure: true))
        case .unusable?:
            response.setCookie(try names.cookie(self.secondName, value: Self.unusable, maxAge: changes.maxAge, isSecure: true))
        case nil: break
        }
        switch (changes.identifier, identifier) {
        case (.set, let identifier?):
            let value = identifier.cookieValue
            response.setCookie(try names.cookie(self.sessionName, value: value, maxAge: changes.maxAge, isSecure: isSecure))
        case (.deleted, _):
            response.setCookie(try names.deletion(self.sessionName, isSecure: isSecure))
            if deletesAll {
                response.setCookie(try names.deletion(self.nonceName, isSecure: isSecure))
                response.setCookie(try names.deletion(self.secondName, isSecure: true))
            }
        case (.set, nil), (.unchanged, _): break
        }
    }
}
