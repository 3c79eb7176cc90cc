internal import ParanoidHTTP

/// Reads of requests what the rules want noted; made once, asked for every request.
struct SignalReader: Sendable {
    private let rules: [SignalRule]
    private let network: @Sendable (String) -> [UInt8]
    private let wantsAddress: Bool
    private let parameters: [String]

    init(rules: [SignalRule], network: @escaping @Sendable (String) -> [UInt8]) {
        self.rules = rules.filter { $0.policy != .off }
        self.network = network
        self.wantsAddress = self.rules.contains { $0.name == SignalRule.address }
        self.parameters = self.rules.flatMap { Self.parameters(of: $0.name) }
    }

    private static func parameters(of name: String) -> [String] {
        switch name {
        case SignalRule.address: []
        case SignalRule.agent: ["HTTP_USER_AGENT"]
        case SignalRule.language: ["HTTP_ACCEPT_LANGUAGE"]
        case SignalRule.hints: ["HTTP_SEC_CH_UA_PLATFORM", "HTTP_SEC_CH_UA_MOBILE"]
        default: [name]
        }
    }

    func signals(of request: Request) -> ClientSignals {
        if self.rules.isEmpty { return .none }
        // Nothing here holds a NUL, so it can end each part.
        var source = (self.wantsAddress ? Array(request.clientAddress.utf8) : []) + [0]
        for parameter in self.parameters {
            if let value = request.parameters.bytes(of: parameter) {
                source.append(1)
                source += value
            }
            source.append(0)
        }
        return ClientSignals(source: source) { self.rules.map { self.reading(of: request, by: $0) } }
    }

    private func reading(of request: Request, by rule: SignalRule) -> ClientSignals.Reading {
        let value =
            switch rule.name {
            case SignalRule.address: self.network(request.clientAddress)
            case SignalRule.agent: UserAgentFamily(request.parameters.bytes(of: "HTTP_USER_AGENT") ?? []).bytes
            default: ClientTraits(of: request, parameters: Self.parameters(of: rule.name)).framed
            }
        return ClientSignals.Reading(name: rule.name, value: value, policy: rule.policy)
    }
}
