internal import ParanoidFastCGITesting
internal import FileSessionStore
internal import Glibc
internal import ParanoidSessions

/// Checks that every file is whole and that a last sweep leaves only what is to stay.
struct TortureCleanliness {
    let ground: TortureGround

    func judge(_ store: FileSessionStore, _ repository: SessionRepository, _ checks: inout CheckList) async throws {
        var unreadable = 0
        for file in self.files() {
            guard let name = SessionName(hexadecimal: Array(file.name.utf8)) else { continue }  // strangers are found below
            do { _ = try await store.read(name) } catch { unreadable += 1 }
        }
        checks.expect(unreadable == 0, "\(unreadable) sessions cannot be read")

        self.makeOld()
        while try await !store.sweep(expiredAt: TortureGround.someday, budget: .max).isComplete {}
        var expected: Set<String> = []
        for identifier in self.ground.identifiers(in: "counters") + self.ground.identifiers(in: "lists") {
            guard let name = repository.keys(of: identifier)?.storageName(of: identifier) else { continue }
            expected.insert(name.hexadecimal)
        }
        let names = self.files().map(\.name)
        let left = names.filter { !expected.contains($0) }
        checks.expect(left.isEmpty, "\(left.count) files are left over, among them \(left.prefix(3))")
        checks.expect(names.count - left.count == expected.count, "the sweep took what it must not take")
        checks.expect(Self.entries(of: "\(self.ground.store)/damaged").isEmpty, "files were moved aside")
        let lines = NoteFile.lines(of: self.ground.note("log")).map { String(decoding: $0, as: UTF8.self) }
        checks.expect(lines.isEmpty, "\(lines.count) lines were logged: \(lines.prefix(5))")
    }

    /// All files in the shards.
    private func files() -> [(path: String, name: String)] {
        Self.entries(of: self.ground.store).filter { $0 != "damaged" }.flatMap { shard in
            Self.entries(of: "\(self.ground.store)/\(shard)").map { ("\(self.ground.store)/\(shard)/\($0)", $0) }
        }
    }

    /// Lets files that were never completed look like those of a crash some time ago.
    private func makeOld() {
        var times = [timespec](repeating: timespec(), count: 2)
        unsafe clock_gettime(CLOCK_REALTIME, &times[0])
        times[0].tv_sec -= 120
        times[1] = times[0]
        for file in self.files() { _ = unsafe utimensat(AT_FDCWD, file.path, times, 0) }
    }

    private static func entries(of path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
