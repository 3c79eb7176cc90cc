import ParanoidLinux
import Testing

@Suite("Sockets that a service manager passes")
struct ActivatedSocketsTests {
    private func sockets(_ variables: [String: String]) -> SocketActivation {
        var environment = ProcessEnvironment()
        for (name, value) in variables { environment[name] = value }
        return SocketActivation(environment, process: 42)
    }

    @Test("are found by name, and without one if there is only one")
    func names() {
        let two = self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:admin"])
        #expect(two.entries.map(\.number) == [3, 4])
        #expect(two.entry(named: "admin")?.number == 4)
        #expect(two.entry(named: "other") == nil)
        #expect(two.entry(named: nil) == nil, "it is not said which")
        #expect(self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": "1"]).entry(named: nil)?.number == 3)
        let same = self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:web"])
        #expect(same.entry(named: "web") == nil, "it is not said which")
        #expect(self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": ":b"]).entries.map(\.name) == ["unknown", "b"])
    }

    @Test(
        "are none if they are another process's, or the variables make no sense",
        arguments: [
            [:], ["LISTEN_FDS": "1"], ["LISTEN_PID": "41", "LISTEN_FDS": "1"], ["LISTEN_PID": "42"],
            ["LISTEN_PID": "42", "LISTEN_FDS": "0"],
            ["LISTEN_PID": "42", "LISTEN_FDS": "-1"], ["LISTEN_PID": "42", "LISTEN_FDS": "+1"],
            ["LISTEN_PID": "42", "LISTEN_FDS": "99999999999999999999"],
        ]
    )
    func none(variables: [String: String]) {
        #expect(self.sockets(variables).entries.isEmpty)
    }

    @Test("users and groups are found by name and number")
    func users() throws {
        let root = try #require(UserDatabase.user("root"))
        #expect(root.number == 0 && root.group == 0)
        #expect(UserDatabase.user("0")?.name == "root")
        #expect(UserDatabase.user("4000000")?.name == nil && UserDatabase.user("4000000")?.number == 4_000_000)
        for text in ["nobody-has-this-name", "", "4294967295", "-1", "a\0b"] { #expect(UserDatabase.user(text) == nil, "\(text)") }
        #expect(UserDatabase.group("root") == 0 && UserDatabase.group("77") == 77 && UserDatabase.group("no-such-group") == nil)
    }
}
