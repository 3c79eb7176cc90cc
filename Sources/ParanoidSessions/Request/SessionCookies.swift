internal import ParanoidHTTP
internal import HTTPTypes

/// Takes credentials out of requests and puts what clients have to know into responses.
final class SessionCookies: Sendable {
    /// The worthless second key of the package of 2009.
    private static let unusable = "None"

    let configuration: SessionCookieConfiguration
    let checkedParameters: [String]
    private let signals: SignalReader
    private let followsBrowsers: Bool
    private let deletesAll: Bool
    private let sessionName: String
    private let nonceName: String
    private let secondName: String

    init(configuration: SessionSettings) {
        self.configuration = configuration.cookies
        self.checkedParameters = configuration.checkedParameters
        self.signals = SignalReader(rules: configuration.signals, network: configuration.network)
        self.followsBrowsers = configuration.guardSettings.behaviour.followsBrowsers
        self.deletesAll = !configuration.guardSettings.behaviour.deletesUnknownCookies
        self.sessionName = configuration.cookies.sessionCookie
        self.nonceName = configuration.cookies.nonceCookie
        self.secondName = configuration.cookies.secondCookie
    }

    /// The session cookies of a request, read where they lie.
    private struct Values {
        var presentsIdentifier = false
        var identifiers = CookieValues<SessionIdentifier>()
        var nonces = CookieValues<Nonce>()
        var secureKeys = CookieValues<SecureKey>()
    }

    private func values(of request: Request) -> Values {
        var values = Values()
        let isWhole = request.forEachCookie { name, value in
            unsafe value.withUnsafeBytes { value in
                if name.equals(self.sessionName) {
                    values.presentsIdentifier = true
                    unsafe values.identifiers.add(SessionIdentifier(cookieValue: value))
                } else if name.equals(self.nonceName) {
                    unsafe values.nonces.add(Nonce(cookieValue: value))
                } else if name.equals(self.secondName) {
                    unsafe values.secureKeys.add(SecureKey(cookieValue: value))
                }
            }
        }
        return isWhole ? values : Values()
    }

    /// What a request presents.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - proven: What was proved last of what a session's client shows.
    func credentials(of request: Request, proven: (SessionIdentifier) -> ProvenCredentials? = { _ in nil }) -> PresentedCredentials {
        let values = self.values(of: request)
        var credentials = PresentedCredentials(
            identifier: values.identifiers.single,
            presentsIdentifier: values.presentsIdentifier,
            nonce: values.nonces.single,
            secureKey: values.secureKeys.single,
            isSecure: request.isSecure,
            traits: self.checkedParameters.isEmpty ? ClientTraits([]) : ClientTraits(of: request, parameters: self.checkedParameters)
        )
        let known = credentials.identifier.flatMap(proven)
        if let nonce = known?.nonce, credentials.nonce == nonce { credentials.nonce = nonce }
        let questions = ClientQuestions(request, self.signals)
        credentials.signals = self.signals.signals(of: request, known: known?.signals) { questions.readings }
        guard self.followsBrowsers else { return credentials }
        credentials.mayRotate = { questions.isOccasion }
        if !credentials.presentsIdentifier && FetchMetadata.isFromAnotherSite(request) {
            credentials.crossSite =
                self.configuration.sameSite != .strict && FetchMetadata.isNavigation(request) ? .withCookies : .withoutCookies
        }
        if values.identifiers.isAmbiguous || values.nonces.isAmbiguous || values.secureKeys.isAmbiguous {
            credentials.candidates = SessionCandidates(
                identifiers: values.identifiers.all,
                nonces: values.nonces.all,
                secureKeys: values.secureKeys.all
            )
        }
        return credentials
    }

    /// Sets the cookies of a response.
    func set(_ changes: SessionCookieChanges, identifier: SessionIdentifier?, in response: inout Response) throws {
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
            if self.deletesAll {
                response.setCookie(try names.deletion(self.nonceName, isSecure: isSecure))
                response.setCookie(try names.deletion(self.secondName, isSecure: true))
            }
        case (.set, nil), (.unchanged, _): break
        }
    }
}

/// What the guard may ask about a request and as a rule does not.
private final class ClientQuestions: Sendable {
    private let request: Request
    private let reader: SignalReader

    init(_ request: Request, _ reader: SignalReader) {
        self.request = request
        self.reader = reader
    }

    var readings: [ClientSignals.Reading] { self.reader.readings(of: self.request) }
    var isOccasion: Bool { FetchMetadata.isOccasion(self.request) }
}

/// What a response has to tell the client about its session; who turns it into cookies knows names and attributes.
package struct SessionCookieChanges: Sendable {
    /// What becomes of the session cookie.
    package enum Identifier: Sendable, Hashable {
        /// Nothing.
        case unchanged
        /// It is set to the session's identifier.
        case set
        /// It is deleted, as it names nothing.
        case deleted
    }

    /// What becomes of the second cookie.
    package enum Second: Sendable, Hashable {
        /// It is set to this key.
        case set(SecureKey)
        /// It is set to a worthless constant, as the package of 2009 did before there was a key (profile `compatible` only).
        case unusable
    }

    /// What becomes of the session cookie.
    package var identifier = Identifier.unchanged
    /// The nonce to be shown next.
    package var nonce: Nonce?
    /// What becomes of the second cookie; `nil`: nothing.
    package var second: Second?
    /// The lifetime of these cookies; `nil`: until the browser closes.
    package var maxAge: Duration?

    /// Creates changes that change nothing.
    package init() {}

    /// Whether nothing is to be told.
    package var isEmpty: Bool {
        self.identifier == .unchanged && self.nonce == nil && self.second == nil
    }
}

/// What browsers say about why they ask (W3C Fetch Metadata, `Sec-Purpose` of the Fetch standard).
enum FetchMetadata {
    /// Whether another site has sent a request, as far as the browser says.
    static func isFromAnotherSite(_ request: Request) -> Bool {
        switch request.parameters.bytes(of: "HTTP_SEC_FETCH_SITE").map({ String(decoding: $0, as: UTF8.self) }) {
        case "cross-site"?: true
        case "same-origin"?, "same-site"?, "none"?: false
        // A word that no browser says is as good as none.
        default: !OriginCheck().admits(request)
        }
    }

    /// Whether a request follows a link: with these, browsers send cookies that are `SameSite=Lax` from other sites, too.
    static func isNavigation(_ request: Request) -> Bool {
        (request.method == .get || request.method == .head)
            && request.parameters.bytes(of: "HTTP_SEC_FETCH_MODE") == Array("navigate".utf8)
            && request.parameters.bytes(of: "HTTP_SEC_FETCH_DEST") == Array("document".utf8)
    }

    /// Whether the answer is a good occasion for new cookie values: a navigation, or a page's own request for data.
    ///
    /// Not what is fetched ahead of time and may never be shown, and not images and the like, which come in bursts and can be served by a
    /// cache or a service worker. A client that says nothing is judged by time alone.
    static func isOccasion(_ request: Request) -> Bool {
        let parameters = request.parameters
        for name in ["HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"] {
            if let purpose = parameters.bytes(of: name), purpose.starts(with: "prefetch".utf8) { return false }
        }
        guard let mode = parameters.bytes(of: "HTTP_SEC_FETCH_MODE") else { return true }
        if mode == Array("navigate".utf8) { return true }
        guard parameters.bytes(of: "HTTP_SEC_FETCH_DEST") == Array("empty".utf8) else { return false }
        let site = parameters.bytes(of: "HTTP_SEC_FETCH_SITE")
        return site == Array("same-origin".utf8) || site == nil
    }
}
