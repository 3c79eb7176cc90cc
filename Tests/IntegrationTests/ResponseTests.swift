import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Responses and uploads through nginx")
    struct Responses {
        private func field(_ name: String, of answer: CurlAnswer) -> String? { answer.fields.first { $0.name == name }?.value }

        @Test(
            "a file is served with conditions and ranges, and handed over to nginx",
            .timeLimit(.minutes(5)),
            arguments: ["--http1.1", "--http2"]
        )
        func files(_ version: String) async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            let bytes = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 % 251) })
            try bytes.write(to: URL(filePath: folder["data"]))
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 784_111_777)],
                ofItemAtPath: folder["data"]
            )
            try await TestApplication.with("stress-server", settings: ["STRESS_FILE": folder["data"]]) { app in
                let whole = try await app.get("/file", version)
                #expect(whole.status == 200 && whole.body == bytes)
                #expect(self.field("content-disposition", of: whole) == "attachment; filename=\"_ber.bin\"; filename*=UTF-8''%C3%BCber.bin")
                let tag = try #require(self.field("etag", of: whole))
                let same = try await app.get("/file", version, "-H", "If-None-Match: \(tag)")
                #expect(same.status == 304 && same.body.isEmpty)
                #expect(try await app.get("/file", version, "-z", "Sun, 06 Nov 1994 08:49:37 GMT").status == 304)
                #expect(try await app.get("/file", version, "-H", "If-Match: \"x\"").status == 412)
                let part = try await app.get("/file", version, "-r", "99990-")
                #expect(part.status == 206 && part.body == bytes.suffix(10))
                #expect(self.field("content-range", of: part) == "bytes 99990-99999/100000")
                #expect(try await app.get("/file", version, "-r", "100000-").status == 416)
                let parts = try await app.get("/file", version, "-r", "0-0,99999-99999")
                #expect(parts.status == 206 && self.field("content-type", of: parts)?.hasPrefix("multipart/byteranges") == true)

                let configuration = app.folder["nginx/conf/paranoid_location.conf"]
                let text = try String(contentsOfFile: configuration, encoding: .utf8)
                try (text + "\nlocation /protected/ { internal; alias \(folder["."])/; }\n")
                    .write(toFile: configuration, atomically: true, encoding: .utf8)
                app.nginx.signal(SIGHUP)
                try await eventually("nginx sends the file") { try await app.get("/handed-over/data", version).body == bytes }
                #expect(try await app.get("/handed-over/%2E%2E/data", version).status == 400)
                #expect(try await app.get("/protected/data", version).status == 404)
            }
        }

        @Test("events come at once, and end when the client leaves", .timeLimit(.minutes(5)))
        func events() async throws {
            try await TestApplication.with("stress-server", workers: 1) { app in
                let answer = try await app.get("/events", "-N", "--max-time", "2")
                #expect(answer.text.hasPrefix(":\n\nid: 1\ndata: open\n\n:\n\n"))
                #expect(self.field("content-type", of: answer) == "text/event-stream")
                try await eventually("the stream has ended") { try await app.get("/waiting").text == "0" }
            }
        }

        @Test("uploads are files, and errors have the form that the client accepts", .timeLimit(.minutes(5)))
        func uploads() async throws {
            try await TestApplication.with("stress-server") { app in
                let file = app.folder["r\u{E9}sum\u{E9} 1.txt"]
                try Data(repeating: 7, count: 300_000).write(to: URL(filePath: file))
                let form = try await app.curl(app.secure("/upload"), ["-F", "file=@\(file)"])
                #expect(form.status == 200 && form.text == "r\u{E9}sum\u{E9} 1.txt 300000", "\(form.text)")
                let missing = try await app.curl(app.secure("/upload"), ["-F", "other=1", "-H", "Accept: application/json"])
                #expect(missing.status == 400 && self.field("content-type", of: missing) == "application/problem+json")
                #expect(missing.text.contains(#"{"field":"file","message":"is missing"}"#))
                let page = try await app.get("/nowhere", "-H", "Accept: text/html")
                #expect(page.status == 404 && page.text.contains("<h1>Not Found</h1>"))
            }
        }
    }
}
