internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

// What the store does with a session that it holds.
extension FileSessionStore {
    /// What a session is while it is held.
    struct State {
        /// `nil` when there is none, although there is a file.
        var session: StoredSession?
        var position: SessionSlots.Position?
    }

    /// What the file held says; `nil` when its name leads elsewhere by now, and the caller has to look again.
    ///
    /// - Throws: `damaged` when it says nothing; it has been moved aside then.
    func currentState(of hold: borrowing SessionFileHold) throws(SessionStoreError) -> State? {
        let file = hold.file
        guard try self.isInPlace(file) else { return nil }
        switch try self.load(file) {
        // One that ended with all others is left for the sweeper.
        case .session(let session, let position):
            return self.control.hasEnded(session) ? State() : State(session: session, position: position)
        case .foreign: throw self.foreignForm(file.name)
        case .unfinished: return State()
        case .removed:
            self.files.drop(file)
            // Whoever removed it may have died before its name was gone. The name stays the file's as long as we hold it.
            do {
                if try self.directory.leads(to: file) { try self.directory.remove(file) }
            } catch {
                throw SessionStoreError(error, "removing session \(file.name)")
            }
            return nil
        case .unreadable:
            guard self.moveAside(hold, "it is neither the old nor the new state") else { return nil }
            throw SessionStoreError(.damaged, message: "the file of session \(file.name) is damaged and was moved aside")
        }
    }

    func apply(_ change: SessionChange, to hold: borrowing SessionFileHold, _ current: State) throws(SessionStoreError) {
        let file = hold.file
        if case .keep = change { return }
        guard let session = current.session, let position = current.position else {
            if case .write = change { throw SessionStoreError(.gone, message: "there is no session \(file.name)") }
            return
        }
        if case .write(let new) = change {
            precondition(new.generation == session.generation + 1, "a change counts the generation up by 1")
            try self.checkSize(new, file.name)
            // Before the session carries the tag, so that no death in between leaves a session that nobody can find.
            if new.userTag != session.userTag { try self.index(new.userTag, file.name) }
        }
        do throws(SystemCallError) {
            guard file.file.isWritable else { throw .readOnly }
            switch change {
            case .keep: break
            case .write(let new): try file.write(new, over: position, isDurable: self.isDurable)
            case .remove: try self.remove(hold, at: position)
            }
        } catch {
            throw SessionStoreError(error, "writing session \(file.name)")
        }
        if case .write(let new) = change, new.userTag == session.userTag { return }
        self.userIndex.remove(session.userTag, file.name, in: self.directory.root)
    }

    /// Makes a session that carries a tag findable.
    func index(_ tag: [UInt8], _ name: SessionName) throws(SessionStoreError) {
        if tag.isEmpty { return }
        do throws(SystemCallError) { _ = try self.userIndex.add(tag, name, in: self.directory.root) } catch {
            throw SessionStoreError(error, "indexing session \(name)")
        }
    }

    func foreignForm(_ name: SessionName) -> SessionStoreError {
        SessionStoreError(.refused, message: "session \(name) was written by a newer version of this software")
    }

    /// Removes the session held: marked first, so that all who have the file open learn it, and then the name.
    func remove(_ hold: borrowing SessionFileHold, at position: SessionSlots.Position) throws(SystemCallError) {
        try hold.file.markRemoved(over: position, isDurable: self.isDurable)
        self.files.drop(hold.file)
        do {
            try self.directory.remove(hold.file)
        } catch {
            // The marker counts; the sweeper will find the name.
            self.logger.warning("a removed session's file stays for now", metadata: self.metadata(hold.file.name, error))
        }
    }

    /// Moves a file aside and logs it.
    ///
    /// - Returns: `false` when the name leads elsewhere by now: somebody else was first.
    @discardableResult
    func moveAside(_ hold: borrowing SessionFileHold, _ reason: String) -> Bool {
        let file = hold.file
        self.files.drop(file)
        do {
            guard try self.directory.leads(to: file) else { return false }
            try self.directory.moveAside(file)
            self.logger.error(
                "a session file was moved aside",
                metadata: ["session.name": "\(file.name)", "reason": "\(reason)"]
            )
        } catch {
            self.logger.error("a damaged session file cannot be moved aside", metadata: self.metadata(file.name, error))
        }
        return true
    }

    /// Looks under the lock at a file that could not be read without.
    func inspect(_ file: SessionFile) async throws(SessionStoreError) -> StoredSession? {
        let hold: SessionFileHold
        do {
            hold = try await file.hold(
                timeout: self.configuration.inspectionTimeout,
                maximumWaiters: self.configuration.maximumWaiters
            )
        } catch {
            throw SessionStoreError(.unavailable, message: "session \(file.name) cannot be inspected", cause: error)
        }
        return try self.currentState(of: hold)?.session
    }
}
