import ParanoidFastCGI

/// `GET /worker`: which process and which of its threads answers.
enum WorkerPage {
    static func register(on routes: some RouterMethods) {
        routes.get("/worker") { _ in try Response.json(WorkerReport.current) }
    }
}

/// The process and thread that run this code.
struct WorkerReport: Encodable {
    var pid: Int
    var thread: Int

    static var current: WorkerReport {
        let identity = WorkerIdentity.current
        return WorkerReport(pid: identity.process, thread: identity.thread)
    }
}
