import FastCGIServer
import Synchronization
import Testing

@Suite("A request")
struct RequestTests {
    @Test("is answered, and head, body and end of a small answer arrive in order")
    func plain() async throws {
        try await withServer { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/plain", keep: false))
            let answer = try peer.answer()
            #expect(answer.text == "/plain")
            #expect(answer.protocolStatus == 0)
            #expect(answer.applicationStatus == 0)
            #expect(try peer.readToEnd().isEmpty)
        }
    }

    @Test("may use a kept connection many times")
    func keptAlive() async throws {
        try await withServer { server in
            let peer = try server.connect()
            for index in 0..<500 {
                #expect(try peer.ask("/\(index)").text == "/\(index)")
            }
        }
    }

    @Test(
        "that is aborted leaves its kept connection to the next one, with its body half sent or not at all",
        arguments: [[], [7, 7, 7]] as [[UInt8]]
    )
    func abortedAndKept(_ body: [UInt8]) async throws {
        try await withServer { server in
            let peer = try server.connect()
            for index in 0..<20 {
                let sent = body.isEmpty ? [] : FastCGIPeer.record(5, body)
                try peer.send(FastCGIPeer.head("/aborted") + sent + FastCGIPeer.record(2))
                _ = try peer.answer()
                #expect(try peer.ask("/\(index)").text == "/\(index)")
            }
        }
    }

    @Test("gets parameters as bytes, in order, duplicates included")
    func parameters() async throws {
        let long = String(repeating: "v", count: 300)
        try await withServer(handler: { request in
            var text = ""
            request.forEachParameter { name, value in
                let name = unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
                let value = unsafe value.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
                text += "\(name)=\(value)\n"
            }
            text += "\(request.parameter("A") ?? "-") \(request.parameter("B")?.count ?? -1) \(request.parameter("SCRIPT") ?? "-")"
            var request = request
            request.writeText(text)
            request.finish(applicationStatus: 7)
        }) { server in
            let answer = try server.ask("/", parameters: [("A", "1"), ("B", long), ("A", "2"), ("EMPTY", "")])
            #expect(answer.text == "REQUEST_METHOD=GET\nSCRIPT_NAME=/\nA=1\nB=\(long)\nA=2\nEMPTY=\n1 300 -")
            #expect(answer.applicationStatus == 7)
        }
    }

    @Test("has its role")
    func roles() async throws {
        try await withServer(handler: { request in
            var request = request
            var text = "\(request.role)"
            if request.role != .authorizer, let body = request.readAll() { text += " \(body.count)" }
            if request.role == .filter {
                try? request.startReadingData()
                if let data = request.readAll() { text += " \(data.count)" }
            }
            request.answer(text)
        }) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.head("/", role: 2))
            #expect(try peer.answer().text == "authorizer")
            #expect(try peer.ask("/", body: [1, 2, 3]).text == "responder 3")
            try peer.send(FastCGIPeer.head("/", role: 3) + FastCGIPeer.stream(5, [1]) + FastCGIPeer.stream(8, [1, 2]))
            #expect(try peer.answer().text == "filter 1 2")
            #expect(try peer.ask("/").text == "responder 0")
        }
    }

    @Test("for an unknown role is turned down as the specification says")
    func unknownRole() async throws {
        try await withServer { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.head("/", role: 9))
            #expect(try peer.answer().protocolStatus == 3)
            try peer.readToEnd()
            #expect(try server.ask("/next").text == "/next")
        }
    }

    @Test("for the application's limits is answered, and the next request too")
    func getValues() async throws {
        try await withServer { server in
            let names = ["FCGI_MPXS_CONNS", "FCGI_MAX_CONNS", "WHAT", "FCGI_MPXS_CONNS"]
            let asked = names.flatMap { FastCGIPeer.pair(Array($0.utf8), []) }
            let peer = try server.connect()
            try peer.send(FastCGIPeer.record(9, asked, request: 0))
            let record = try peer.receiveRecord()
            #expect(record.kind == 10)
            #expect(
                record.content == FastCGIPeer.pair(Array("FCGI_MPXS_CONNS".utf8), [0x30])
                    + FastCGIPeer.pair(Array("FCGI_MAX_CONNS".utf8), Array("16384".utf8))
            )
            #expect(try peer.ask("/next").text == "/next")
        }
    }

    @Test("with a body of a megabyte is read to its end")
    func largeBody() async throws {
        let body = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await withServer(handler: { request in
            var request = request
            let same = request.readAll() == body
            request.answer("\(same)")
        }) { server in
            let peer = try server.connect()
            #expect(try peer.ask("/", body: body).text == "true")
            #expect(try peer.ask("/", body: body).text == "true")
        }
    }

    @Test("gets large answers whole, whatever the sizes of the pieces", arguments: [8_184, 65_536, 65_537, 1_500_000])
    func largeAnswer(size: Int) async throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try await withServer(handler: { request in
            var request = request
            request.writeText("head ")
            try? unsafe request.write(bytes.span.bytes)
            request.answer(" tail")
        }) { server in
            let peer = try server.connect()
            for _ in 0..<2 {
                let answer = try peer.ask("/")
                #expect(answer.output == Array("head ".utf8) + bytes + Array(" tail".utf8))
            }
        }
    }

    @Test("can be answered piece by piece")
    func flushed() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            var request = request
            request.writeText("first")
            try? request.flush()
            await gate.pass()
            request.answer("second")
        }) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/"))
            #expect(try peer.receiveRecord().content == Array("first".utf8))
            gate.open()
            #expect(try peer.answer().text == "second")
        }
    }

    @Test("that is dropped without an end is cut off")
    func dropped() async throws {
        try await withServer(handler: { request in
            var request = request
            request.writeText("never seen whole")
        }) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/"))
            #expect(throws: FastCGIPeer.EndOfStream.self) { try peer.answer() }
        }
    }

    @Test("with a zero byte, an equals sign in a name or no name is marked", arguments: [true, false])
    func ambiguous(isMarked: Bool) async throws {
        let pairs: [([UInt8], [UInt8])] =
            isMarked ? [([65], [66, 0]), ([65, 0], []), ([65, 61], []), ([], [65])] : [([65], [66, 61]), ([65], [])]
        try await withServer(handler: { request in
            let isAmbiguous = request.hasAmbiguousParameters
            request.answer("\(isAmbiguous)")
        }) { server in
            let peer = try server.connect()
            for (name, value) in pairs {
                try peer.send(
                    FastCGIPeer.begin() + FastCGIPeer.stream(4, FastCGIPeer.pair(name, value)) + FastCGIPeer.stream(5, [])
                )
                #expect(try peer.answer().text == "\(isMarked)")
            }
        }
    }
}
