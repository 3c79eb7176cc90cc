internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks for mistakes in the installation: settings, files, limits, sockets, nginx; prints the line that mends each.",
        discussion: """
            Run it as the user of the application, with its settings. It changes nothing. Exits with 1 when it has found an error, and with 0 when it \
            has found nothing, or warnings only.
            """
    )

    @Option(help: "The configuration file of nginx to look at, such as /etc/nginx/nginx.conf.", completion: .file())
    var nginx: String?
    @Flag(help: "Also send requests through the web server, and have the running application say what arrived. Needs curl.")
    var probe = false
    @Option(
        help: "Where the probes go, as https://HOST[:PORT][/PATH]; unless given, what FILE of --nginx listens on, or https://127.0.0.1."
    )
    var url: String?
    @OptionGroup var place: SocketOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if self.url != nil, !self.probe { throw ValidationError("--url is for --probe") }
    }

    func run() async throws {
        let nginx = try self.nginx.map { try NginxConfiguration(file: $0) }
        let configuration = ApplicationConfiguration.forTool()
        var surroundings = Doctor.Surroundings.ofThisProcess()
        if let memory = try? self.place.client().get("/memory"), memory.status == 200 { surroundings.take(memory: memory.body) }
        let doctor = Doctor(configuration, surroundings: surroundings)
        var findings = doctor.findings(nginx: nginx) + (await doctor.storeFindings())
        if self.probe {
            let probe = try WebServerProbe(self.url ?? nginx?.origin ?? "https://127.0.0.1", client: self.place.client())
            findings += try probe.findings(for: configuration)
        }
        if self.output.json {
            let values = findings.map { finding in
                JSONValue.members([
                    "gravity": .text(finding.gravity.rawValue), "problem": .text(finding.problem), "change": .text(finding.change),
                ])
            }
            print(JSONValue.list(values).text)
        } else {
            for finding in findings { print("\(finding)") }
            let errors = findings.count { $0.gravity == .error }
            print("\(errors.counted("error", "errors")), \((findings.count - errors).counted("warning", "warnings"))")
        }
        if findings.contains(where: { $0.gravity == .error }) { throw ExitCode(1) }
    }
}

/// `paranoid nginx`.
struct NginxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nginx",
        abstract: "Prints the configuration of nginx that fits the settings of the application."
    )

    func run() async throws {
        print(NginxConfiguration.matching(.forTool()), terminator: "")
    }
}
