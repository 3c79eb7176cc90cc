internal import Glibc

/// Descriptors 0, 1 and 2, which libraries read and write by their numbers, whatever lies there.
package enum StandardDescriptors {
    /// Puts `/dev/null` on those of descriptors 0, 1 and 2 that are closed.
    ///
    /// A FastCGI process manager may start a program with descriptor 0 only (FastCGI 1.0, section 2.2). The next files that such a program opens
    /// would get the numbers 1 and 2, and log lines and crash reports would be written into them. Call it first in a process, before any other thread
    /// runs and before anything is opened.
    ///
    /// - Returns: The numbers that were closed.
    /// - Throws: ``SystemCallError`` from `open(2)`, when the process may open no descriptor at all.
    @discardableResult
    package static func openMissing() throws(SystemCallError) -> [CInt] {
        var missing: [CInt] = []
        for number in CInt(0)...2 where fcntl(number, F_GETFD) < 0 && errno == EBADF {
            // open(2) takes the lowest number that is free, and all lower ones are open by now.
            try self.takeLowestNumber()
            missing.append(number)
        }
        return missing
    }

    /// Leaves nothing on descriptor 0: what is opened there reads as empty.
    static func replaceInput() throws(SystemCallError) {
        let nothing = OwnedDescriptor(owning: try self.takeLowestNumber(flags: O_CLOEXEC))
        guard dup2(nothing.number, 0) == 0 else { throw SystemCallError("dup2") }
    }

    @discardableResult
    private static func takeLowestNumber(flags: CInt = 0) throws(SystemCallError) -> CInt {
        let null = unsafe open("/dev/null", O_RDWR | flags)
        if null >= 0 { return null }
        // In a root directory without devices: a descriptor that can be neither read nor written (O_PATH, open(2)).
        let place = unsafe open("/", pathOnly | O_DIRECTORY | flags)
        guard place >= 0 else { throw SystemCallError("open") }
        return place
    }
}

/// `O_PATH`, which the Glibc module hides behind `_GNU_SOURCE`.
private let pathOnly: CInt = 0o10000000
