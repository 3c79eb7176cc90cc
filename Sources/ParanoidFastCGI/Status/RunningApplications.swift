internal import ParanoidLinux

extension ApplicationConfiguration {
    /// Where the files of the application are, as settings; none of them is a secret.
    var places: String {
        let names = ["PARANOID_SESSION_DIR", "PARANOID_SECRET_FILE", "PARANOID_EVENT_FILE"]
        let lines = self.explained().filter { names.contains($0.name) && $0.value != "none" }.map { "\($0.name)=\($0.value)\n" }
        return "user=\(ProcessIdentity.currentUser)\n" + lines.joined()
    }
}

/// The applications of this machine whose status sockets this process may ask.
package enum RunningApplications {
    /// The status sockets that applications have here, answering or not; blocks while directories are read.
    package static var sockets: [String] {
        // A socket is bound under a hidden name and renamed: the kernel goes on to show the first name, which is in the same directory.
        let lines = (TextFile.contents(of: "/proc/net/unix") ?? "").split(separator: "\n")
        let directories = Set(
            lines.compactMap { line -> String? in
                let fields = line.split(separator: " ")
                guard fields.count == 8, fields[7].utf8.first == UInt8(ascii: "/") else { return nil }
                return fields[7].utf8.lastIndex(of: UInt8(ascii: "/")).map { String(fields[7][..<$0]) }
            }
        )
        return directories.sorted().flatMap { TextFile.matching("\($0)/*status.sock") }
    }

    /// For each application that answers: the beginning of a command line that works on its files.
    package static var commandLines: [String] {
        self.sockets.compactMap { path in
            guard let client = try? StatusClient(ApplicationConfiguration(stateDirectory: "/"), address: path),
                let answer = try? client.get("/settings"), answer.status == 200
            else { return nil }
            let words = answer.body.split(separator: "\n").map(String.init)
            guard let user = words.first, user.hasPrefix("user="), words.count > 1 else { return nil }
            return "sudo -u '#\(user.dropFirst("user=".count))' env \(words.dropFirst().map(Self.quoted).joined(separator: " ")) paranoid"
        }
    }

    /// A word that a shell takes as it is.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "="): true
            default: false
            }
        }
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }
}
