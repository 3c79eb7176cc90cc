internal import FastCGIServer
internal import FileSessionStore
internal import ParanoidLinux
internal import ParanoidSessions

// What lies on the disk, and who answers on the sockets.
extension Doctor {
    /// The session directory, its file system, and what is left of that.
    var sessionDirectory: [Finding] {
        guard self.configuration.store.isFiles else { return [] }
        let path = self.configuration.sessionDirectory
        var found: [Finding] = []
        func add(_ gravity: Finding.Gravity, _ problem: String, _ change: String) {
            found.append(Finding(gravity: gravity, problem: problem, change: change))
        }
        do throws(SecureDirectoryError) {
            guard let directory = try SecureDirectory.openExisting(path) else {
                add(
                    .error,
                    "there is no session directory \(path)",
                    "start the application, or set PARANOID_SESSION_DIR to where its sessions are"
                )
                return found
            }
            if let status = try? directory.status(), status.isShared {
                add(.error, "others may look into \(path) (mode \(String(status.permissions, radix: 8)))", "chmod 700 \(path)")
            }
            if let name = directory.fileSystem().remoteName, !self.configuration.allowsNetworkStore {
                add(
                    .error,
                    "\(path) is on \(name), where locks may not exclude other hosts",
                    "PARANOID_SESSION_DIR=a directory of a local disk"
                )
            }
            // tmpfs and ramfs.
            if [0x0102_1994, 0x8584_58F6].contains(directory.fileSystem().magic) {
                add(
                    .warning,
                    "\(path) is in memory: all sessions end when the machine restarts",
                    "PARANOID_SESSION_DIR=a directory of a disk"
                )
            }
            if let space = directory.space() {
                if space.bytesFree < 64 << 20 {
                    add(.error, "\(space.bytesFree >> 20) MiB are left for \(path)", "make room, or move the session directory")
                }
                if space.inodes > 0, space.inodesFree < 10_000 {
                    add(
                        .error,
                        "\(space.inodesFree) inodes are left for \(path), one for each session",
                        "make room, or move the session directory"
                    )
                }
            }
            if (try? SessionDirectoryPresence(at: path)) == .absent {
                add(.error, "\(path) is not the session directory of an application", "set PARANOID_SESSION_DIR to where its sessions are")
            }
        } catch {
            switch error {
            case .foreignOwner(let directory, let owner): add(.error, "\(directory) belongs to user \(owner)", "chown -R app: \(directory)")
            case .writableByOthers(let directory, _): add(.error, "others may write \(directory)", "chmod go-w \(directory)")
            case .notDirectory, .system:
                add(.error, "\(path) cannot be used: \(error)", "set PARANOID_SESSION_DIR to a directory of the application's user")
            }
        }
        return found
    }

    /// The secret file.
    var secret: [Finding] {
        let path = self.configuration.secretFile
        do throws(PrivateFile.Failure) {
            guard let bytes = try PrivateFile.read(path) else {
                return [
                    Finding(gravity: .error, problem: "there is no secret file \(path)", change: "put it back, or start the application")
                ]
            }
            do {
                _ = try ServerSecrets(parsing: bytes)
                return []
            } catch {
                return [
                    Finding(
                        gravity: .error,
                        problem: "\(path), line \(error.line): \(error.description)",
                        change: "restore the file from a copy; one line is: NUMBER and 64 hexadecimal digits"
                    )
                ]
            }
        } catch {
            return [
                Finding(gravity: .error, problem: "\(path) cannot be used: \(error)", change: "chown app: \(path) && chmod 600 \(path)")
            ]
        }
    }

    /// The environment file and the logs.
    var files: [Finding] {
        var found: [Finding] = []
        if let path = self.configuration.environmentFile {
            do throws(ProcessEnvironmentError) {
                _ = try ProcessEnvironment(file: path)
            } catch {
                found.append(
                    Finding(
                        gravity: .error,
                        problem: "\(path) (PARANOID_ENV_FILE): \(error)",
                        change: "chown root:GROUP \(path) && chmod 640 \(path) (GROUP: one of the application's)"
                    )
                )
            }
        }
        for (name, path) in [("PARANOID_LOG_FILE", self.configuration.logFile), ("PARANOID_ACCESS_LOG", self.configuration.accessLog)] {
            guard let path, path.hasPrefix("/"), !path.hasPrefix("/dev/"), let problem = FileProbe.problem(writing: path) else { continue }
            found.append(
                Finding(
                    gravity: .error,
                    problem: "\(path) (\(name)) cannot be written: \(problem)",
                    change: "install -o app -m 600 /dev/null \(path)"
                )
            )
        }
        return found
    }

    /// Whether somebody answers, and whether nginx gets there.
    var sockets: [Finding] {
        var found: [Finding] = []
        guard let address = try? ListenerAddress(self.configuration.listen), case .unix(let path) = address else { return found }
        switch FileProbe.listener(at: path) {
        case .answers: break
        case .absent: found.append(Finding(gravity: .error, problem: "there is no socket \(path)", change: "start the application"))
        case .silent:
            found.append(
                Finding(
                    gravity: .error,
                    problem: "nobody answers on \(path), which a dead application has left",
                    change: "start the application"
                )
            )
        case .other(let problem):
            found.append(Finding(gravity: .error, problem: "\(path) cannot be connected to: \(problem)", change: "ls -l \(path)"))
        }
        var permissions = UnixSocketFile.Permissions(mode: self.configuration.listenMode)
        permissions.group = self.configuration.listenGroup.flatMap { UserDatabase.group($0) }
        if let closed = UnixSocketFile.closedDirectory(for: path, permissions: permissions) {
            found.append(
                Finding(
                    gravity: .error,
                    problem: "\(closed) keeps out users who may connect to \(path): nginx gets \"permission denied\"",
                    change: "chmod o+x \(closed), or chgrp it to the group of nginx and chmod g+x"
                )
            )
        }
        return found
    }
}
