import Foundation
import TestSupport
import Testing

extension Integration {
    /// In full with PARANOID_LARGE_BODIES=1 (`Tests/run.sh large`): a gigabyte each; else 32 MiB.
    @Suite("Large bodies")
    struct LargeBodies {
        private static let megabytes = ProcessInfo.processInfo.environment["PARANOID_LARGE_BODIES"] == "1" ? 1024 : 32

        /// A worker's memory: now, or at its peak since the peak was forgotten.
        private func kilobytes(_ field: String, of worker: pid_t) throws -> Int {
            let line = TestFolder.text(at: "/proc/\(worker)/status").split(separator: "\n").first { $0.hasPrefix("\(field):") }
            return try #require(line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) })
        }

        /// Runs a transfer and gives the kilobytes by which the worker's memory was higher meanwhile.
        private func growth(of worker: pid_t, during transfer: () async throws -> Void) async throws -> Int {
            let before = try self.kilobytes("VmRSS", of: worker)
            try "5".write(toFile: "/proc/\(worker)/clear_refs", atomically: false, encoding: .utf8)
            try await transfer()
            return try self.kilobytes("VmHWM", of: worker) - before
        }

        @Test("pass through a worker in both directions, whole or as a form, while it grows by less than 16 MiB", .timeLimit(.minutes(15)))
        func constantMemory() async throws {
            try await TestApplication.with("stress-server", workers: 1) { app in
                let configuration = app.folder["nginx/conf/nginx.conf"]
                let text = try String(contentsOfFile: configuration, encoding: .utf8)
                try #require(text.contains("client_max_body_size 8m;"))
                try text.replacing("client_max_body_size 8m;", with: "client_max_body_size 0;")
                    .write(toFile: configuration, atomically: true, encoding: .utf8)
                let location = app.folder["nginx/conf/paranoid_location.conf"]
                let buffering = try String(contentsOfFile: location, encoding: .utf8)
                try #require(buffering.contains("fastcgi_request_buffering on;"))
                try buffering.replacing(
                    "fastcgi_request_buffering on;",
                    with: "fastcgi_request_buffering off; fastcgi_max_temp_file_size 0;"
                )
                .write(toFile: location, atomically: true, encoding: .utf8)
                app.nginx.signal(SIGHUP)

                let count = Self.megabytes << 20
                let file = app.folder["large"]
                try #require(FileManager.default.createFile(atPath: file, contents: nil))
                let handle = try #require(FileHandle(forWritingAtPath: file))
                try handle.truncate(atOffset: UInt64(count))
                try handle.close()
                let time = ["--max-time", "600"]
                try await eventually("nginx takes large bodies") {
                    try await app.curl(app.secure("/count"), time + ["-X", "POST", "-T", file]).text == "\(count)"
                }
                let worker = try #require(app.workers.first)
                let whole = try await self.growth(of: worker) {
                    let answer = try await app.curl(app.secure("/count"), time + ["-X", "POST", "-T", file])
                    #expect(answer.text == "\(count)")
                }
                let form = try await self.growth(of: worker) {
                    let answer = try await app.curl(app.secure("/parts"), time + ["-F", "a=b", "-F", "f=@\(file)"])
                    #expect(answer.text == "a 1\nf \(count)")
                }
                let download = try await self.growth(of: worker) {
                    let words = [
                        "--cacert", app.folder["nginx/conf/certificate.pem"], "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                    ]
                    let command = try SpawnedCommand(
                        ["curl", "-q", "-s", "-S"] + time + words + [app.secure("/zeros?mb=\(Self.megabytes)")],
                        environment: Requirements.environment,
                        output: app.folder["download.out"],
                        errors: app.folder["curl.err"]
                    )
                    _ = await command.waitForEnd()
                    #expect(app.folder.text(of: "download.out") == "200 \(count)")
                }
                #expect(app.workers == [worker])
                print("a worker grew by \(whole) kB (body), \(form) kB (form), \(download) kB (download) of \(Self.megabytes) MiB each")
                #expect(max(whole, form, download) < 16 << 10)
            }
        }
    }
}
