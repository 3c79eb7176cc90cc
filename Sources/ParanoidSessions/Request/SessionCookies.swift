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
    /// The names of the cookies of each login; of visitors alone where logins have no names of their own.
    private let names: [SessionCookieNames]
    /// The cookie of the token that a browser is remembered by.
    let tokenName: String
    private let clientNames: (secure: String, plain: String)
    private let knownFields = KnownCookieFields()

    init(configuration: SessionSettings) {
        self.configuration = configuration.cookies
        self.checkedParameters = configuration.checkedParameters
        self.signals = SignalReader(rules: configuration.signals, network: configuration.network)
        self.followsBrowsers = configuration.guardSettings.behaviour.followsBrowsers
        self.deletesAll = !configuration.guardSettings.behaviour.deletesUnknownCookies
        self.names = configuration.cookies.names(ofProfile: configuration.guardSettings.profile)
        self.tokenName = "__Host-remember" + configuration.cookies.suffix
        self.clientNames = ("__Host-csrf" + configuration.cookies.suffix, "csrf" + configuration.cookies.suffix)
    }

    /// The cookie that a client without session is recognised by.
    func clientName(isSecure: Bool) -> String { isSecure ? self.clientNames.secure : self.clientNames.plain }

    /// The session cookies of a request, read where they lie.
    struct Values: Sendable {
        var login = LoginNumber.visitor
        var isEmpty = true
        var presentsIdentifier = false
        var identifiers = CookieValues<SessionIdentifier>()
        var nonces = CookieValues<Nonce>()
        var secureKeys = CookieValues<SecureKey>()

        fileprivate mutating func add(_ value: RawSpan, as part: Part) {
            self.isEmpty = false
            unsafe value.withUnsafeBytes { value in
                switch part {
                case .identifier:
                    self.presentsIdentifier = true
                    unsafe self.identifiers.add(SessionIdentifier(cookieValue: value))
                case .nonce: unsafe self.nonces.add(Nonce(cookieValue: value))
                case .secureKey: unsafe self.secureKeys.add(SecureKey(cookieValue: value))
                }
            }
        }
    }

    fileprivate enum Part {
        case identifier
        case nonce
        case secureKey
    }

    /// Which cookie of which login has a name; `nil`: none of ours.
    private func place(of name: RawSpan) -> (part: Part, login: LoginNumber)? {
        let visitor = self.names[0]
        if name.equals(visitor.session) { return (.identifier, .visitor) }
        if name.equals(visitor.nonce) { return (.nonce, .visitor) }
        if name.equals(visitor.second) { return (.secureKey, .visitor) }
        guard self.names.count > 1, name.byteCount > 2, name.byte(at: name.byteCount - 2) == UInt8(ascii: "-"),
            let login = LoginNumber(digit: name.byte(at: name.byteCount - 1))
        else { return nil }
        let names = self.names[Int(login.index)]
        if name.equals(names.session) { return (.identifier, login) }
        if name.equals(names.nonce) { return (.nonce, login) }
        return name.equals(names.second) ? (.secureKey, login) : nil
    }

    private func values(of request: Request) -> (values: Values, others: [Values], areAll: Bool) {
        var first = Values()
        var others: [Values] = []
        let isWhole = request.forEachCookie { name, value in
            guard let (part, login) = self.place(of: name) else { return }
            if first.isEmpty { first.login = login }
            if first.login == login {
                first.add(value, as: part)
            } else {
                let index = others.firstIndex { $0.login == login } ?? others.count
                if index == others.count {
                    others.append(Values())
                    others[index].login = login
                }
                others[index].add(value, as: part)
            }
        }
        return isWhole ? (first, others, true) : (Values(), [], false)
    }

    /// What a request presents.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - proven: What was proved last of what a session's client shows.
    func credentials(of request: Request, proven: (SessionIdentifier) -> ProvenCredentials? = { _ in nil }) -> PresentedCredentials {
        if let entry = self.knownField(of: request) {
            var credentials = self.begun(with: entry.values, request)
            self.complete(&credentials, of: request, proven)
            return credentials
        }
        let (values, others, areAll) = self.values(of: request)
        var credentials = self.begun(with: values, request)
        if !areAll && self.followsBrowsers { self.markUnread(&credentials) }
        self.complete(&credentials, of: request, proven)
        if self.followsBrowsers && !others.isEmpty { self.add(others, beside: values, to: &credentials) }
        if credentials.isAsProven && others.isEmpty { self.remember(values, of: request) }
        return credentials
    }

    /// What follows from the cookies alone.
    @inline(__always)
    private func begun(with values: borrowing Values, _ request: Request) -> PresentedCredentials {
        var credentials = PresentedCredentials(
            identifier: values.identifiers.single,
            presentsIdentifier: values.presentsIdentifier,
            nonce: values.nonces.single,
            secureKey: values.secureKeys.single,
            isSecure: request.isSecure,
            traits: self.checkedParameters.isEmpty ? ClientTraits([]) : ClientTraits(of: request, parameters: self.checkedParameters)
        )
        if self.followsBrowsers { self.add(values, to: &credentials) }
        return credentials
    }

    /// Adds what the client shows beside its cookies.
    private func complete(
        _ credentials: inout PresentedCredentials,
        of request: Request,
        _ proven: (SessionIdentifier) -> ProvenCredentials?
    ) {
        let known = credentials.identifier.flatMap(proven)
        if let nonce = known?.nonce, credentials.nonce == nonce { credentials.nonce = nonce }
        let questions = ClientQuestions(request, self.signals)
        let (signals, isSameClient) = self.signals.signals(of: request, known: known?.signals) { questions.readings }
        credentials.signals = signals
        credentials.isAsProven = isSameClient && known?.nonce == credentials.nonce
        guard self.followsBrowsers else { return }
        credentials.mayRotate = { questions.isOccasion }
        // Strict cookies come with no link of another site either.
        let isStrict = self.configuration.sameSite == .strict
        if !credentials.presentsIdentifier && FetchMetadata.isFromAnotherSite(request, orByLink: isStrict) {
            credentials.crossSite = !isStrict && FetchMetadata.isNavigation(request) ? .withCookies : .withoutCookies
        }
    }

    private func knownField(of request: Request) -> KnownCookieFields.Entry? {
        var entry: KnownCookieFields.Entry?
        request.parameters.lend("HTTP_COOKIE") { field in
            if let field { entry = self.knownFields.entry(of: field) }
        }
        return entry
    }

    /// Keeps what was read of a client that is known by now; a field of anybody else's would only push out those of clients.
    @inline(never)
    private func remember(_ values: Values, of request: Request) {
        request.parameters.lend("HTTP_COOKIE") { field in
            if let field { self.knownFields.remember(values, in: field) }
        }
    }

    /// Notes that what the request presents is not known: it may be a session, of any login.
    private func markUnread(_ credentials: inout PresentedCredentials) {
        credentials.presentsIdentifier = true
        credentials.candidates = .unread
        for login in LoginNumber.all { credentials.logins.insert(login) }
    }

    private func add(_ values: borrowing Values, to credentials: inout PresentedCredentials) {
        credentials.login = values.login
        if !values.isEmpty { credentials.logins.insert(values.login) }
        if values.identifiers.isAmbiguous || values.nonces.isAmbiguous || values.secureKeys.isAmbiguous {
            credentials.candidates = SessionCandidates(
                identifiers: values.identifiers.all,
                nonces: values.nonces.all,
                secureKeys: values.secureKeys.all
            )
        }
    }

    /// Adds what the request shows under the names of other logins.
    private func add(_ others: [Values], beside values: Values, to credentials: inout PresentedCredentials) {
        for other in others { credentials.logins.insert(other.login) }
        credentials.presentsIdentifier = credentials.presentsIdentifier || others.contains { $0.presentsIdentifier }
        credentials.crossSite = credentials.presentsIdentifier ? nil : credentials.crossSite
        var candidates =
            credentials.candidates
            ?? SessionCandidates(
                identifiers: values.identifiers.all,
                nonces: values.nonces.all,
                secureKeys: values.secureKeys.all
            )
        for other in others {
            var shown = credentials
            shown.candidates = nil
            shown.identifier = other.identifiers.single
            shown.nonce = other.nonces.single
            shown.secureKey = other.secureKeys.single
            self.add(other, to: &shown)
            candidates.others.append(shown)
        }
        credentials.candidates = candidates
    }

    /// Sets the cookies of a response.
    func set(_ changes: SessionCookieChanges, identifier: SessionIdentifier?, in response: inout Response) throws {
        if changes.isEmpty && changes.replaced.isEmpty { return }
        let attributes = self.configuration
        let isSecure = attributes.isSecure
        let login = self.names.count > 1 ? changes.login : .visitor
        let names = self.names[Int(login.index)]
        if let nonce = changes.nonce {
            response.setCookie(try attributes.cookie(names.nonce, value: nonce.cookieValue, maxAge: changes.maxAge, isSecure: isSecure))
        }
        switch changes.second {
        case .set(let key)?:
            response.setCookie(try attributes.cookie(names.second, value: key.cookieValue, maxAge: changes.maxAge, isSecure: true))
        case .unusable?:
            response.setCookie(try attributes.cookie(names.second, value: Self.unusable, maxAge: changes.maxAge, isSecure: true))
        case nil: break
        }
        switch (changes.identifier, identifier) {
        case (.set, let identifier?):
            let value = identifier.cookieValue
            response.setCookie(try attributes.cookie(names.session, value: value, maxAge: changes.maxAge, isSecure: isSecure))
        case (.deleted, _): try self.delete(names, in: &response)
        case (.set, nil), (.unchanged, _): break
        }
        for replaced in changes.replaced.numbers where replaced != login {
            try self.delete(self.names[Int(replaced.index)], in: &response)
        }
    }

    private func delete(_ names: SessionCookieNames, in response: inout Response) throws {
        response.setCookie(try self.configuration.deletion(names.session, isSecure: self.configuration.isSecure))
        if self.deletesAll {
            response.setCookie(try self.configuration.deletion(names.nonce, isSecure: self.configuration.isSecure))
            response.setCookie(try self.configuration.deletion(names.second, isSecure: true))
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
    /// The login whose names these cookies have.
    package var login = LoginNumber.visitor
    /// Those whose cookies are deleted, as others take their place.
    package var replaced = LoginNumber.Set()

    /// Creates changes that change nothing.
    package init(login: LoginNumber = .visitor) { self.login = login }

    /// Whether nothing is to be told.
    package var isEmpty: Bool {
        self.identifier == .unchanged && self.nonce == nil && self.second == nil
    }
}

/// What browsers say about why they ask (W3C Fetch Metadata, `Sec-Purpose` of the Fetch standard).
enum FetchMetadata {
    /// Whether another site has sent a request, as far as the browser says.
    ///
    /// - Parameter orByLink: Whether a link counts of which a browser says nothing but the page that it is on.
    static func isFromAnotherSite(_ request: Request, orByLink: Bool) -> Bool {
        switch request.parameters.bytes(of: "HTTP_SEC_FETCH_SITE").map({ String(decoding: $0, as: UTF8.self) }) {
        case "cross-site"?: true
        case "same-origin"?, "same-site"?, "none"?: false
        // A word that no browser says is as good as none.
        default: !OriginCheck().admits(request) || orByLink && OriginCheck.isLinkedFromElsewhere(request)
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
