import Testing
import WorkerSupervisor

@testable import ParanoidFastCGI

@Suite("The window of a probe")
struct ProbeTests {
    @Test("takes its token once, within its time, and no other text")
    func token() throws {
        let window = ProbeWindow(scoreboard: try Scoreboard(slots: 1))
        #expect(!window.isOpen(now: 1) && !window.take(String(repeating: "0", count: 64).utf8, now: 1))
        let token = window.open(now: 1)
        #expect(token.utf8.count == 64 && window.isOpen(now: 1))
        for wrong in ["", String(token.dropLast()), String(repeating: "0", count: 64), token + "0", "g" + token.dropFirst()] {
            #expect(!window.take(wrong.utf8, now: 2))
        }
        #expect(!window.take(token.utf8, now: 31_000_000_000))
        #expect(window.take(token.utf8, now: 2) && !window.isOpen(now: 2) && !window.take(token.utf8, now: 2))
        let former = window.open(now: 3)
        let latter = window.open(now: 3)
        #expect(former != latter && !window.take(former.utf8, now: 4) && window.take(latter.utf8, now: 4))
    }

    @Test("is told in lines that the doctor reads back")
    func lines() throws {
        let reply = try #require(ProbeReply(body: "paranoid probe 1\nHTTPS=on\nREQUEST_URI=/a?b=c\ntwice=REMOTE_ADDR\n"))
        #expect(reply.parameters == ["HTTPS": "on", "REQUEST_URI": "/a?b=c"] && reply.doubled == ["REMOTE_ADDR"])
        #expect(ProbeReply(body: "hello\n") == nil && ProbeReply(body: "") == nil)
    }

    @Test("goes to where a configuration of nginx listens, over TLS where it can")
    func origin() throws {
        for (lines, origin) in [
            ("listen 80; listen 443 ssl;", "https://127.0.0.1"), ("listen 127.0.0.1:8443 ssl;", "https://127.0.0.1:8443"),
            ("listen [::]:8080;", "http://127.0.0.1:8080"), ("listen unix:/a; listen 10.0.0.1;", "http://10.0.0.1"),
            ("listen *:80;", "http://127.0.0.1"),
        ] {
            #expect(try NginxConfiguration("http { server { \(lines) } }").origin == origin)
        }
        #expect(try NginxConfiguration("http { }").origin == nil)
    }
}
