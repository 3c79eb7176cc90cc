import Testing

@testable import ParanoidFastCGI

@Suite("Who may send requests")
struct ListenerPolicyTests {
    @Test("users and groups on the list may, others may not")
    func peers() throws {
        let policy = try ListenerPolicy(peers: ["root", "1000", "@33"])
        #expect(policy.admits(user: 0, groups: [0]) && policy.admits(user: 1000, groups: []))
        #expect(policy.admits(user: 5, groups: [5, 33]), "a supplementary group counts")
        #expect(!policy.admits(user: 33, groups: [1000]), "a group's number is no user's")
        #expect(!policy.admits(user: 1001, groups: [1001]))
    }

    @Test("names that nobody has, and blocks that are none, stop the start", arguments: ["nobody-has-this", "@no-such-group", "@"])
    func unknown(text: String) {
        #expect(throws: ConfigurationError.self) { try ListenerPolicy(peers: [text]) }
    }

    @Test("a list for the other kind of socket stops the start")
    func kinds() throws {
        var configuration = ApplicationConfiguration(stateDirectory: "/nonexistent")
        let none = try configuration.admission(isUnix: true) == nil
        #expect(none)
        configuration.listenPeers = ["root"]
        let peers = try configuration.admission(isUnix: true) != nil
        #expect(peers)
        #expect(throws: ConfigurationError.self) { _ = try configuration.admission(isUnix: false) }
        configuration.listenPeers = []
        configuration.listenClients = ["10.0.0.0/8"]
        let clients = try configuration.admission(isUnix: false) != nil
        #expect(clients)
        #expect(throws: ConfigurationError.self) { _ = try configuration.admission(isUnix: true) }
    }
}
