import ParanoidFastCGI

/// What the page says of the guard, true of the settings in force.
struct GuardTexts {
    private let settings: SessionSettings

    init(_ settings: SessionSettings) {
        self.settings = settings
    }

    /// Titles and texts.
    var all: [(String, String)] {
        [
            ("What a client shows", self.signals), ("Nonce", self.nonce), ("Second key", self.secondKey),
            (
                "Identifier",
                "256 random bits. Unknown ones are never adopted, and every login gets a new one, so planting one beforehand is useless."
            ),
            (
                "The store",
                "One file per session, named by a keyed hash, changed in one short locked step, shared by all workers. A crash leaves the old "
                    + "or the new record; what was ended stays ended."
            ),
            (
                "The workers",
                "Several processes on one socket. One that dies is replaced, and nginx asks another; your session does not notice."
            ),
        ]
    }

    private var rules: GuardSettings { self.settings.guardSettings }

    private var signals: String {
        if self.rules.profile.isCompatible {
            return "The session is bound to a keyed digest of what the client shows. A client that looks different is refused."
        }
        let consequences: [SignalPolicy: String] = [
            .log: "is noted", .rotate: "gets the session new secrets", .challenge: "withholds the session until the next login",
            .end: "ends the session",
        ]
        let sentences = self.settings.signals.compactMap { rule in
            consequences[rule.policy].map { "another \(rule.name == SignalRule.agent ? "browser" : rule.name) \($0)" }
        }
        return sentences.isEmpty ? "Nothing of it is checked." : "A change is judged: \(sentences.joined(separator: ", "))."
    }

    private var nonce: String {
        guard self.rules.nonceTimeout != nil else { return "It is off (PSESSION_NONCE_TIMEOUT=none): a copied jar is not found out." }
        if self.rules.profile.isCompatible {
            return "A second cookie changes while you are active, and an old one is refused after a moment."
        }
        let end = self.rules.reuse == .end ? "ends the session for both" : "makes the session wait for your password"
        return
            "A second cookie changes while you are active, and no two answers carry the same. It counts once you have shown it, so no lost "
            + "answer locks you out; what one jar cannot show any more is proof that a copy is around, and \(end)."
    }

    private var secondKey: String {
        self.rules.isHTTPSOnly
            ? "Sessions exist over HTTPS only. A key of its own is issued and demanded there: an identifier without it is nothing."
            : "Over HTTPS a key of its own is issued and demanded, marked Secure: cookies overheard on plain HTTP are not enough there."
    }
}
