import Foundation
import TestSupport
import Testing

extension Integration.Listeners {
    @Test(
        "a directory that is made for the socket says how the web server gets in, unless a group does or it was there",
        .timeLimit(.minutes(5)),
        arguments: [("new/app.sock", [:], true), ("app.sock", [:], false), ("new/app.sock", ["PARANOID_LISTEN_MODE": "0666"], false)]
    )
    func newDirectory(path: String, settings: [String: String], isSaid: Bool) async throws {
        let folder = try TestFolder()
        let settings = settings.merging(["PARANOID_LISTEN": "unix:\(folder[path])"]) { $1 }
        let program = try BareProgram(in: folder, settings: settings)
        try await eventually("it serves") { program.log.contains("worker ready") }
        #expect(program.log.contains("a directory was made for the socket that only this user may enter") == isSaid, "\(program.log)")
        await program.end()
    }

    @Test(
        "a socket file that a cleaner removes is made anew, with its directory, and requests that run are finished",
        .timeLimit(.minutes(5))
    )
    func removedSocket() async throws {
        let folder = try TestFolder()
        let path = folder["run/app.sock"]
        let program = try BareProgram(in: folder, workers: 2, settings: ["PARANOID_LISTEN": "unix:\(path)"])
        func answers() -> Bool { (try? KeptConnection.get("/hello", from: path)) == "hello\n" }
        try await eventually("it answers", answers)
        for target in [path, folder["run"]] {
            let kept = try KeptConnection(path: path)
            #expect(try kept.get("/hello") == "hello\n")
            try FileManager.default.removeItem(atPath: target)
            try await eventually("it answers on a new socket", answers)
            _ = try? kept.get("/hello")
        }
        #expect(program.log.contains("the socket file was removed; a new one is made"))
        await program.end()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("only root can become another user", .timeLimit(.minutes(5)), .enabled(if: geteuid() == 0))
    func noRoot() async throws {
        let program = try BareProgram(
            in: TestFolder(isOpen: true),
            settings: ["PARANOID_USER": "root"],
            shell: "exec setpriv --reuid=65534 --clear-groups \"$0\""
        )
        #expect(await program.process.waitForEnd() == .exited(78))
        #expect(program.log.contains("PARANOID_USER"))
    }

    @Test("SIGUSR1 opens the log file anew, in the supervisor and its workers", .timeLimit(.minutes(5)), arguments: [0, 2])
    func log(workers: Int) async throws {
        let folder = try TestFolder()
        try await BareProgram.with(in: folder, workers: workers, settings: ["PARANOID_LOG_FILE": folder["log"]]) { program in
            let processes = [program.process.pid] + program.workers
            func target(_ process: pid_t) -> String {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/2")) ?? ""
            }
            for process in processes { #expect(target(process) == folder["log"]) }
            for round in 1...2 {
                try FileManager.default.moveItem(atPath: folder["log"], toPath: folder["log.\(round)"])
                program.process.signal(SIGUSR1)
                try await eventually("all write to a new file") { processes.allSatisfy { target($0) == folder["log"] } }
            }
            #expect(try FileManager.default.attributesOfItem(atPath: folder["log"])[.posixPermissions] as? Int == 0o600)
            #expect(program.workers == processes.dropFirst().sorted())
        }
    }
}
