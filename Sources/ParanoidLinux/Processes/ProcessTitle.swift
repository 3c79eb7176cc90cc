internal import CLinux

/// What `ps` and `top` call this process.
package enum ProcessTitle {
    /// Shows a role behind the program's name.
    ///
    /// The title takes the place of the arguments, so it is cut where they were shorter. Without `/proc` nothing changes.
    ///
    /// - Parameters:
    ///   - role: Such as `supervisor`; of its bytes `top` shows 15.
    ///   - program: The name of the program; it has to be read before, as the title overwrites it.
    package static func set(_ role: String, program: String?) {
        let name = (program ?? "").split(separator: "/").last.map(String.init) ?? ""
        _ = unsafe clinux_set_title("\(name): \(role)", role)
    }
}
