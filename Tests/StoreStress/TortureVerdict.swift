internal import ParanoidFastCGITesting
internal import FileSessionStore
internal import ParanoidLinux
internal import ParanoidSessions

/// Compares what the store holds with what was noted.
struct TortureVerdict {
    let ground: TortureGround
    /// How many processes there were.
    let serials: Int
    let threads: Int
    let chains: Int
    let killed: Int

    /// Makes all checks and prints a line of figures.
    func judge(_ checks: inout CheckList) async throws {
        let store = try self.ground.openStore()
        let repository = try self.ground.openRepository(store)
        for name in ["violations", "incidents"] {
            let lines = NoteFile.lines(of: self.ground.note(name)).map { String(decoding: $0, as: UTF8.self) }
            checks.expect(lines.isEmpty, "\(lines.count) \(name): \(lines.prefix(5))")
        }
        let increments = try await self.judgeCounters(repository, &checks)
        let appends = try await self.judgeLists(repository, &checks)
        let rotations = try await self.judgeChains(repository, &checks)
        let ends = try await self.judgeEnded(repository, &checks)
        try await TortureCleanliness(ground: self.ground).judge(store, repository, &checks)
        let swept = NoteFile.count(of: self.ground.note("swept"))
        let logouts = NoteFile.count(of: self.ground.note("logouts"))
        checks.expect(appends > 0 && swept > 0 && logouts > 0, "\(appends) appends, \(swept) swept and \(logouts) logouts are too few")
        print(
            "\(self.serials) processes of \(self.threads) tasks, \(self.killed) killed; \(increments) increments, \(appends) appends, "
                + "\(rotations) successors, \(logouts) logouts, \(ends) ended, \(swept) swept"
        )
    }

    /// Checks one count against its tallies; says how many attempts nobody knows the outcome of.
    private func judge(_ name: String, _ count: UInt64, _ checks: inout CheckList) -> (done: UInt64, open: UInt64) {
        let done = NoteFile.count(of: self.ground.note("\(name).done"))
        let tried = NoteFile.count(of: self.ground.note("\(name).tried"))
        let missed = NoteFile.count(of: self.ground.note("\(name).missed"))
        checks.expect(done <= count, "\(name): \(done) were acknowledged, but the count is \(count)")
        checks.expect(count + missed <= tried, "\(name): \(tried) were tried and \(missed) not made, but the count is \(count)")
        return (done, tried - missed - done)
    }

    private func judgeCounters(_ repository: SessionRepository, _ checks: inout CheckList) async throws -> UInt64 {
        var sum: (done: UInt64, open: UInt64) = (0, 0)
        for (number, identifier) in self.ground.identifiers(in: "counters").enumerated() {
            guard let opened = try await repository.open(identifier, at: TortureGround.now()) else {
                checks.expect(false, "counter \(number) is gone")
                continue
            }
            checks.expect(opened.record.isConsistent, "counter \(number) is put together from two states")
            let part = self.judge("counter.\(number)", opened.record.count, &checks)
            sum = (sum.done + part.done, sum.open + part.open)
        }
        // A task that is killed leaves at most one attempt open.
        checks.expect(sum.open <= UInt64(self.killed * self.threads), "\(sum.open) increments of counters have no outcome")
        checks.expect(sum.done > 0, "nobody incremented a counter")
        return sum.done
    }

    private func judgeLists(_ repository: SessionRepository, _ checks: inout CheckList) async throws -> UInt64 {
        var next: [UInt64: UInt64] = [:]
        var disorder = 0
        var wasLast = false
        for (number, identifier) in self.ground.identifiers(in: "lists").enumerated() {
            guard let opened = try await repository.open(identifier, at: TortureGround.now()) else {
                checks.expect(false, "list \(number) is gone")
                continue
            }
            let elements = opened.record.list
            checks.expect(
                elements.count % 8 == 0 && (elements.isEmpty || !wasLast),
                "list \(number) has \(elements.count) bytes, the one before it had room: \(wasLast)"
            )
            wasLast = elements.count < 8 * TortureGround.listLength
            for start in stride(from: 0, to: elements.count, by: 8) {
                let element = SessionRecord.word(elements[start..<start + 8])
                let (task, place) = (element >> 32, element & 0xFFFF_FFFF)
                if place != next[task, default: 0] { disorder += 1 }
                next[task] = place + 1
            }
        }
        checks.expect(disorder == 0, "\(disorder) elements of lists are missing, doubled or out of order")
        var sum: UInt64 = 0
        for serial in 0..<self.serials {
            for number in 0..<self.threads {
                let done = NoteFile.count(of: self.ground.note("list.\(serial).\(number).done"))
                let found = next.removeValue(forKey: UInt64(serial) << 16 | UInt64(number)) ?? 0
                checks.expect(found == done || found == done + 1, "task \(serial).\(number) appended \(done) elements, \(found) are there")
                sum += done
            }
        }
        checks.expect(next.isEmpty, "elements of tasks that never were: \(next)")
        return sum
    }

    private func judgeChains(_ repository: SessionRepository, _ checks: inout CheckList) async throws -> Int {
        var open: UInt64 = 0
        var rotations = 0
        for number in 0..<self.chains {
            let live = try await TortureTask.liveCandidates(ofChain: number, among: .max, on: self.ground, in: repository)
            checks.expect(live.count == 1, "chain \(number) has \(live.count) live sessions")
            open += self.judge("chain.\(number)", live.first?.record.count ?? 0, &checks).open
            rotations += self.ground.identifiers(in: "chain.\(number).candidates").count - 1
        }
        checks.expect(open <= UInt64(self.killed * self.threads), "\(open) increments of chains have no outcome")
        checks.expect(rotations > 0, "nothing was rotated")
        return rotations
    }

    private func judgeEnded(_ repository: SessionRepository, _ checks: inout CheckList) async throws -> Int {
        let ended = self.ground.identifiers(in: "ended")
        checks.expect(Set(ended).count == ended.count, "\(ended.count - Set(ended).count) sessions were ended twice")
        var back = 0
        for identifier in ended where try await repository.open(identifier, at: TortureGround.now()) != nil { back += 1 }
        checks.expect(back == 0, "\(back) ended sessions came back")
        checks.expect(!ended.isEmpty, "no session was ended")
        return ended.count
    }
}
