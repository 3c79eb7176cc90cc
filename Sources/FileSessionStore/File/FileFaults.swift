internal import ParanoidLinux

/// A step that changes files, in the order in which a crash between two of them matters.
enum FileStep: Sendable, Hashable, CaseIterable {
    case createFile
    case writeFirst
    case lock
    case read
    case write
    case grow
    case erase
    case mark
    case synchronize
    case remove
    case moveAside
    case index
}

/// Lets tests fail or end the process before any step; in production there is none.
struct FileFaults: Sendable {
    /// Called before each step; what it throws is taken for the step's own failure.
    var before: @Sendable (FileStep) throws(SystemCallError) -> Void
}

extension FileFaults? {
    func check(_ step: FileStep) throws(SystemCallError) {
        try self?.before(step)
    }
}
