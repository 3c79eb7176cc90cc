internal import ParanoidSessions

// The checks about users' sessions and about all sessions at once.
extension SessionStoreConformance.Stores {
    private func makeTag() -> UserTag { UserTag(bytes: (0..<16).map { _ in UInt8.random(in: .min ... .max) })! }

    private func requireNames(_ expected: Set<SessionName>, ofUser tag: UserTag, _ when: String) async throws {
        for store in [self.first, self.second] {
            // A store may name sessions that are over, and leave it to the caller to look at them.
            var found: Set<SessionName> = []
            for name in try await store.names(ofUser: tag) {
                if let session = try await store.read(name), session.state == .live, session.userTag == tag { found.insert(name) }
            }
            try self.require(found == expected, "\(when), a user has \(expected.count) sessions, not \(found.count)")
        }
    }

    func checkUsers() async throws {
        let ann = self.makeTag()
        let bob = self.makeTag()
        try await self.requireNames([], ofUser: ann, "before the first login")
        let names = (0..<6).map { _ in self.makeName() }
        for (index, name) in names.enumerated() {
            let tag = index < 3 ? ann : index < 5 ? bob : nil
            try await (index % 2 == 0 ? self.first : self.second).create(self.makeSession([1], userTag: tag), named: name)
        }
        try await self.requireNames(Set(names[..<3]), ofUser: ann, "after creation")
        try await self.requireNames(Set(names[3..<5]), ofUser: bob, "after creation")

        try await self.setTag(ann, of: names[5], in: self.second)
        try await self.setTag(bob, of: names[0], in: self.first)
        try await self.setTag(nil, of: names[3], in: self.second)
        try await self.requireNames([names[1], names[2], names[5]], ofUser: ann, "after changes of the tag")
        try await self.requireNames([names[0], names[4]], ofUser: bob, "after changes of the tag")

        try await self.second.modify(names[1], timeout: Self.timeout) { _ in (.remove, ()) }
        try await self.requireNames([names[2], names[5]], ofUser: ann, "after a removal")
    }

    private func setTag(_ tag: UserTag?, of name: SessionName, in store: any SessionStore) async throws {
        try await store.modify(name, timeout: Self.timeout) { current in
            guard let current else { return (.keep, ()) }
            return (.write(self.makeSession([2], generation: current.generation + 1, userTag: tag)), ())
        }
    }

    func checkReindex() async throws {
        let tag = self.makeTag()
        let names = (0..<5).map { _ in self.makeName() }
        for name in names { try await self.first.create(self.makeSession([1], userTag: tag), named: name) }
        let missing = try await self.second.reindex()
        try self.require(missing == 0, "nothing is missing, but \(missing) were added")
        try await self.requireNames(Set(names), ofUser: tag, "after indexing anew")
    }

    func checkEndOfAll() async throws {
        let old = self.makeName()
        let late = self.makeName()
        let young = self.makeName()
        let epoch = self.epoch
        let other = try await self.second.epoch()
        try self.require(epoch == other, "every worker sees one epoch, not \(epoch) and \(other)")
        try await self.first.create(self.makeSession([1], epoch: epoch), named: old)
        try await self.requireBoth(self.makeSession([1], epoch: epoch), of: old, "before the end of all")
        try await self.second.beginEpoch()
        // It was being created meanwhile: it began before.
        try await self.first.create(self.makeSession([1], epoch: epoch), named: late)
        for store in [self.first, self.second] {
            let now = try await store.epoch()
            try self.require(now > epoch, "every worker sees the new epoch")
        }
        let now = try await self.first.epoch()
        try await self.second.create(self.makeSession([2], epoch: now), named: young)
        try await self.requireBoth(nil, of: old, "after the end of all that began by then")
        try await self.requireBoth(nil, of: late, "as it began before the end of all")
        try await self.requireBoth(self.makeSession([2], epoch: now), of: young, "as it began later")
        for store in [self.first, self.second] {
            let seen = try await store.modify(old, timeout: Self.timeout) { (.keep, $0) }
            try self.require(seen == nil, "a change of an ended session sees nil")
            try await self.require(.gone, from: "writing an ended session") {
                try await store.modify(old, timeout: Self.timeout) { _ in
                    (.write(self.makeSession([3], generation: 2, epoch: epoch)), ())
                }
            }
        }
    }

    func checkEndOfLogins() async throws {
        let ann = self.makeTag()
        // One that looks alike, as a store may group users.
        let bob = UserTag(bytes: Array(ann.bytes.prefix(15)) + [ann.bytes[15] ^ 1])!
        let before = max(self.first.loginEpoch, self.second.loginEpoch)
        let names = (0..<5).map { _ in self.makeName() }
        let old = self.makeSession([1], userTag: ann, loginEpoch: before)
        let others = self.makeSession([1], userTag: bob, loginEpoch: before)
        try await self.first.create(old, named: names[0])
        try await self.second.create(others, named: names[1])
        try await self.requireBoth(old, of: names[0], "before the end of the logins")
        let epoch = try await self.second.beginLoginEpoch()
        try self.require(epoch > before, "the new number is greater than those before")
        for store in [self.first, self.second] {
            try self.require(store.loginEpoch >= epoch, "every worker sees the new number")
        }
        try await self.requireBoth(old, of: names[0], "while the new number counts for nobody")
        try await self.first.endLogins(of: ann, before: epoch)
        try await self.second.create(self.makeSession([2], userTag: ann, loginEpoch: before), named: names[2])
        try await self.first.create(self.makeSession([2], userTag: nil), named: names[3])
        let young = self.makeSession([3], userTag: ann, loginEpoch: epoch)
        try await self.first.create(young, named: names[4])
        try await self.requireBoth(nil, of: names[0], "after the end of the logins")
        try await self.requireBoth(nil, of: names[2], "as the login began before that")
        try await self.requireBoth(others, of: names[1], "as it is another user's")
        try await self.requireBoth(young, of: names[4], "as the login began later")
        try await self.requireNames([names[4]], ofUser: ann, "after the end of the logins")
        for store in [self.first, self.second] {
            let seen = try await store.modify(names[0], timeout: Self.timeout) { (.keep, $0) }
            try self.require(seen == nil, "a change of a session whose login has ended sees nil")
        }
        // An anonymous session that is given an old login ends with it.
        try await self.second.modify(names[3], timeout: Self.timeout) { _ in
            (.write(self.makeSession([4], generation: 2, userTag: ann, loginEpoch: before)), ())
        }
        try await self.requireBoth(nil, of: names[3], "as its login began before that")
        try await self.second.endLogins(of: ann, before: before)
        try await self.requireBoth(nil, of: names[0], "after a call with a lower number")
        try await self.requireBoth(young, of: names[4], "after a call with a lower number")
    }
}
