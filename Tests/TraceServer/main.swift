import ParanoidFastCGI

// The real stack for the recorded traces and for browsers that are simulated in virtual time: only the clock and the handlers are the
// test's own. The protocol is that of the conformance traces: /checked, /unchecked, /held and /release.

let clock = TraceClock()
let held = HeldRequests()

var configuration = ApplicationConfiguration.fromEnvironment()
configuration.workers = 0  // what is held and released has to be in one process
configuration.sweepInterval = nil  // the system's clock is not the traces'
configuration.sessions.uncheckedPathPrefixes = ["/unchecked", "/held", "/release"]
if configuration.environment["TEST_CLOCK"] == "real" { clock.isReal = true }

let app = try Application(configuration: configuration, clock: clock)
let pages = TracePages(dataKey: SessionKey(configuration.environment["DATA_KEY"] ?? "marks"), held: held, clock: clock)
app.get("/checked") { try await pages.visit($0) }
app.get("/unchecked") { try await pages.visit($0) }
app.get("/held") { held.isHeld($0.query.first(named: "req") ?? "") ? "yes" : "no" }
app.get("/release") { pages.release($0) }
try await app.run()
