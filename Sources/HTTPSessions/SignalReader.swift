internal import HTTPHandling
internal import SessionSecurity

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
        let values = ClientTraits(of: request, parameters: self.parameters)
        let address = self.wantsAddress ? request.clientAddress : ""
        // What separates the address from the rest is no part of an address.
        return ClientSignals(source: Array(address.utf8) + [0] + values.framed) { self.readings(of: values, address: address) }
    }

    private func readings(of values: ClientTraits, address: String) -> [ClientSignals.Reading] {
        var rest = values.values[...]
        return self.rules.map { rule in
            let count = Self.parameters(of: rule.name).count
            let mine = rest.prefix(count)
            rest = rest.dropFirst(count)
            let value =
                switch rule.name {
                case SignalRule.address: self.network(address)
                case SignalRule.agent: UserAgentFamily(mine.first.flatMap { $0 } ?? []).bytes
                default: ClientTraits(Array(mine)).framed
                }
            return ClientSignals.Reading(name: rule.name, value: value, policy: rule.policy)
        }
    }
}
