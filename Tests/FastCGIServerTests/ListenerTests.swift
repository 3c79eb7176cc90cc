import FastCGIServer
import Glibc
import ParanoidLinux
import Logging
import Testing

@Suite("A listener")
struct ListenerTests {
    private func mode(_ path: String) -> mode_t? {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 ? facts.st_mode : nil
    }

    private func code(_ body: () throws(FastCGIServerError) -> Void) -> FastCGIServerError.Code? {
        do {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test("creates its socket with the mode asked for and removes it only while it is its own")
    func modeAndRemoval() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/s"
        let listener = try Listener.open(.unix(path: path))
        #expect(self.mode(path) == S_IFSOCK | 0o660)
        let isLocal = listener.isLocal
        #expect(isLocal)
        unsafe unlink(path)
        let second = try Listener.open(.unix(path: path), permissions: UnixSocketFile.Permissions(mode: 0o600))
        #expect(self.mode(path) == S_IFSOCK | 0o600)
        listener.removeFile()
        #expect(self.mode(path) != nil)
        second.removeFile()
        #expect(self.mode(path) == nil)
    }

    @Test("replaces a socket file that nobody answers on")
    func stale() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/s"
        do { _ = try Listener.open(.unix(path: path)) }
        #expect(self.mode(path) != nil)
        let listener = try Listener.open(.unix(path: path))
        let peer = try FastCGIPeer(path)
        _ = peer.number
        _ = listener.descriptor.number
    }

    @Test("does not replace a socket that somebody answers on, nor anything that is no socket")
    func living() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/s"
        let listener = try Listener.open(.unix(path: path))
        #expect(self.code { () throws(FastCGIServerError) in _ = try Listener.open(.unix(path: path)) } == .addressInUse)
        let file = directory.path + "/file"
        close(unsafe open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(self.code { () throws(FastCGIServerError) in _ = try Listener.open(.unix(path: file)) } == .unusableAddress)
        #expect(self.mode(file) == S_IFREG | 0o600)
        _ = listener.descriptor.number
    }

    @Test("of many opened at once on a stale name, one gets it")
    func race() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/s"
        do { _ = try Listener.open(.unix(path: path)) }
        let tried = Tally()
        let winners = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    let opened = await onThread { () -> Bool in
                        guard let listener = try? Listener.open(.unix(path: path)) else {
                            tried.add()
                            return false
                        }
                        tried.add()
                        // Stays open until everybody has tried.
                        waitUntil { tried.value == 16 }
                        _ = listener.descriptor.number
                        return true
                    }
                    return (try? opened.get()) ?? false
                }
            }
            var count = 0
            for await won in group where won { count += 1 }
            return count
        }
        #expect(winners == 1)
    }

    @Test("refuses paths that no socket can have", arguments: ["", String(repeating: "p", count: 200), "/no/such/directory/s"])
    func paths(path: String) {
        #expect(self.code { () throws(FastCGIServerError) in _ = try Listener.open(.unix(path: path)) } != nil)
    }

    @Test("takes connections over TCP, on IPv4 and IPv6, and knows its port")
    func tcp() async throws {
        for text in ["127.0.0.1:0", "[::1]:0", "localhost:0"] {
            let listener = try Listener.open(ListenerAddress(text))
            let (isLocal, port) = (listener.isLocal, listener.port)
            #expect(isLocal)
            #expect(try #require(port) > 0)
        }
        let open = try Listener.open(ListenerAddress("0.0.0.0:0"))
        let isOpenLocal = open.isLocal
        #expect(!isOpenLocal)
        let listener = try Listener.open(ListenerAddress("127.0.0.1:0"))
        let chosen = listener.port
        let port = try #require(chosen)
        #expect(self.code { () throws(FastCGIServerError) in _ = try Listener.open(.tcp(host: "127.0.0.1", port: port)) } == .addressInUse)
        let server = try FastCGIServer(
            listener: listener,
            configuration: configuration(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            handler: answerWithPath
        )
        async let running: Void = server.run()
        let result = await onThread {
            let peer = try FastCGIPeer(port: port)
            #expect(try peer.ask("/tcp", body: [1, 2]).text == "/tcp 2")
            #expect(try peer.ask("/again").text == "/again")
        }
        server.drain()
        await running
        try result.get()
    }

    @Test("is adopted if it listens, and made close-on-exec and non-blocking")
    func adopted() throws {
        let directory = TemporaryDirectory()
        let original = try Listener.open(.unix(path: directory.path + "/s"))
        let copy = dup(original.descriptor.number)
        let adopted = try Listener.adopt(OwnedDescriptor(owning: copy))
        let number = adopted.descriptor.number
        #expect(fcntl(number, F_GETFD) == FD_CLOEXEC)
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK != 0)
        #expect(
            self.code { () throws(FastCGIServerError) in
                _ = try Listener.adopt(OwnedDescriptor(owning: unsafe Glibc.open("/dev/null", O_RDONLY)))
            } == .notAListener
        )
        let unlistening = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        #expect(
            self.code { () throws(FastCGIServerError) in
                _ = try Listener.adopt(OwnedDescriptor(owning: unlistening))
            } == .notAListener
        )
    }

    @Test(
        "reads its address from text",
        arguments: [
            ("unix:/run/app.sock", ListenerAddress.unix(path: "/run/app.sock")), ("unix:app", .unix(path: "app")),
            ("127.0.0.1:9000", .tcp(host: "127.0.0.1", port: 9000)), ("[::1]:9000", .tcp(host: "::1", port: 9000)),
            ("localhost:0", .tcp(host: "localhost", port: 0)), ("inherited", .inherited),
            ("systemd", .activated(name: nil)), ("systemd:app", .activated(name: "app")),
        ]
    )
    func addresses(text: String, address: ListenerAddress) throws {
        #expect(try ListenerAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(
        "says what is allowed when the text is no address",
        arguments: [
            "", "unix:", "unix:@app", "9000", ":9000", "::1:9000", "host:", "host:65536", "host:-1", "host:+1", "[::1]", "a b:1",
            "/run/app.sock",
            "h/o:1", "h:1\n", "systemd:", "systemd:a:b",
        ]
    )
    func noAddresses(text: String) throws {
        let error = #expect(throws: FastCGIServerError.self) { try ListenerAddress(text) }
        #expect(error?.code == .unusableAddress)
        #expect(error?.message.contains("unix:PATH") == true)
    }

    private static let errors: [(FastCGIServerError, Remedy)] = [
        (FastCGIServerError(.addressInUse, ""), .later), (FastCGIServerError(.unusableAddress, ""), .change),
        (FastCGIServerError(.notAListener, ""), .change), (FastCGIServerError(.outOfResources, ""), .system),
        (FastCGIServerError(.listenerUnavailable, ""), .later),
        (FastCGIServerError(.listenerUnavailable, "", cause: SystemCallError("bind", code: EACCES)), .change),
        (FastCGIServerError(.listenerUnavailable, "", cause: SystemCallError("socket", code: EMFILE)), .system),
    ]

    @Test("an error says whether the same start may succeed later", arguments: errors.indices)
    func remedies(_ index: Int) {
        #expect(Self.errors[index].0.remedy == Self.errors[index].1)
    }
}
