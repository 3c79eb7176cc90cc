import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("The life of an application")
    struct Life {
        /// What hooks and services of a program have written down, without the number of the process.
        private static func notes(_ folder: TestFolder) -> [String] {
            folder.text(of: "notes").split(separator: "\n").map { $0.split(separator: " ").dropLast().joined(separator: " ") }
        }

        /// How many workers have said so far that they serve.
        private static func readyWorkers(_ program: BareProgram) -> Int {
            program.log.split(separator: "\n").count { $0.hasSuffix("worker ready") }
        }

        private static func run(
            _ failure: String = "",
            workers: Int,
            _ body: (BareProgram) async throws -> Void
        ) async throws -> [String] {
            let folder = try TestFolder()
            defer { folder.remove() }
            let settings = ["LIFE_FILE": folder["notes"], "LIFE_FAILURE": failure]
            try await BareProgram.with("life-program", in: folder, workers: workers, settings: settings) { program in
                try await body(program)
                program.process.signal(SIGTERM)
                _ = await program.process.waitForEnd()
            }
            return self.notes(folder)
        }

        @Test("begins once in the supervisor, then in each worker, again with a reload, and ends in reverse", .timeLimit(.minutes(5)))
        func workers() async throws {
            let notes = try await Self.run(workers: 2) { program in
                #expect(try KeptConnection.get("/served", from: program.socket) == "served\n")
                // A worker that is told to end before it serves ends at once, without its hooks.
                try await eventually("both workers serve") { Self.readyWorkers(program) == 2 }
                program.process.signal(SIGHUP)
                try await eventually("the workers are replaced") {
                    Self.readyWorkers(program) == 4 && Self.notes(program.folder).count { $0 == "worker stops" } == 2
                }
            }
            func count(_ note: String) -> Int { notes.count { $0 == note } }
            for note in ["main as supervisor", "supervisor starts", "single service begins", "single service ends", "supervisor stops"] {
                #expect(count(note) == 1, "\(note)")
            }
            for note in ["main as worker", "worker starts", "service begins", "service ends", "worker stops first", "worker stops"] {
                #expect(count(note) == 4, "\(note)")
            }
            #expect(Array(notes.prefix(2)) == ["main as supervisor", "supervisor starts"])
            #expect(notes.last == "supervisor stops")
            #expect(count("alone starts") == 0)
            let first = try #require(notes.firstIndex(of: "worker starts"))
            let served = try #require(notes.firstIndex(of: "served"))
            #expect(first < served)
        }

        @Test("begins and ends in one process where there are no workers", .timeLimit(.minutes(5)))
        func alone() async throws {
            let notes = try await Self.run(workers: 0) { _ in }
            #expect(Array(notes.prefix(4)) == ["main as alone", "supervisor starts", "worker starts", "alone starts"])
            #expect(
                Set(notes.dropFirst(4).prefix(4)) == ["service begins", "single service begins", "service ends", "single service ends"]
            )
            #expect(Array(notes.suffix(3)) == ["worker stops first", "worker stops", "supervisor stops"])
        }

        @Test(
            "ends with one line and exit code 70 when the program or the first hook throws, and leaves no socket",
            .timeLimit(.minutes(5)),
            arguments: ["main", "supervisor"],
            [0, 1]
        )
        func failure(_ failure: String, _ workers: Int) async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            let settings = ["LIFE_FILE": folder["notes"], "LIFE_FAILURE": failure]
            let program = try BareProgram("life-program", in: folder, workers: workers, settings: settings)
            #expect(await program.process.waitForEnd() == .exited(70))
            #expect(program.log.split(separator: "\n").last == "it fails on purpose")
            #expect(!program.log.contains("Fatal error"))
            #expect(!FileManager.default.fileExists(atPath: program.socket))
        }

        @Test("goes on with another worker when the hook of one throws", .timeLimit(.minutes(5)))
        func worker() async throws {
            let notes = try await Self.run("first-worker", workers: 1) { program in
                #expect(program.log.contains("it fails on purpose"))
            }
            #expect(notes.count { $0 == "worker fails" } == 1)
            #expect(notes.count { $0 == "worker starts" } >= 1)
        }

        @Test("goes on with another worker when a service throws; the one that had it finishes its requests", .timeLimit(.minutes(5)))
        func service() async throws {
            let notes = try await Self.run("service", workers: 1) { program in
                try Data("go on 0\n".utf8).append(to: program.folder["notes"])
                try await eventually("another worker serves") { Self.notes(program.folder).count { $0 == "service begins" } == 2 }
                try await eventually("it answers") { (try? KeptConnection.get("/served", from: program.socket)) == "served\n" }
                #expect(program.log.contains("it fails on purpose"))
            }
            #expect(notes.count { $0 == "worker stops" } == 2)
        }
    }
}

extension Data {
    fileprivate func append(to path: String) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: self)
    }
}
