import Foundation
import Testing

extension Integration {
    @Suite("Uploads to a full disk")
    struct FullDiskUploads {
        @Test("are a 503, leave nothing behind, and succeed when there is room", .timeLimit(.minutes(5)), .enabled(if: geteuid() == 0))
        func noRoom() async throws {
            let folder = try TestFolder()
            let disk = folder["disk"]
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
            guard try await self.run("mount", "-t", "tmpfs", "-o", "mode=700,size=1m", "tmpfs", disk) else {
                try Test.cancel("root may not mount here")
            }
            do {
                try await self.check(disk)
            } catch {
                _ = try await self.run("umount", "-l", disk)
                throw error
            }
            #expect(try await self.run("umount", "-l", disk))
        }

        private func check(_ disk: String) async throws {
            try await TestApplication.with("stress-server", workers: 1, settings: ["TMPDIR": disk]) { app in
                let file = app.folder["file"]
                try Data(count: 1_900_000).write(to: URL(filePath: file))
                for _ in 0..<3 {
                    let answer = try await app.get("/upload", "-F", "file=@\(file)")
                    #expect(answer.status == 503 && answer.value("retry-after") == "60")
                    #expect(answer.text == "There is no room for the file at the moment.\n")
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == [])
                #expect(app.log.contains("No space left on device"))
                try Data(count: 500_000).write(to: URL(filePath: file))
                #expect(try await app.get("/upload", "-F", "file=@\(file)").text == "file 500000")
            }
        }

        private func run(_ words: String...) async throws -> Bool {
            try await SpawnedCommand(words, environment: Requirements.environment).waitForEnd() == .exited(0)
        }
    }
}
