import HTTPTypes
import Synchronization
import Testing

@testable import ParanoidHTTP

@Suite("Times of routes")
struct RouteTimeoutTests {
    /// What happened to a handler.
    private final class Fate: Sendable {
        let wasCancelled = Atomic<Bool>(false)
    }

    private func answer(_ router: Router, _ path: String) async -> Response {
        await ErrorResponder().response(to: makeRequest(.get, path), of: router.freeze())
    }

    @Test("cancel a handler that takes longer, and the client gets 503")
    func route() async {
        let router = Router()
        let fate = Fate()
        router.get("/slow", timeout: .milliseconds(1)) { _ in
            do {
                try await Task.sleep(for: .seconds(3_600))
            } catch {
                fate.wasCancelled.store(true, ordering: .relaxed)
            }
            return "too late"
        }
        #expect(await self.answer(router, "/slow").status == .serviceUnavailable)
        let wasCancelled = fate.wasCancelled.load(ordering: .relaxed)
        #expect(wasCancelled)
    }

    @Test("leave a handler alone that is faster, and its errors too")
    func fast() async throws {
        let router = Router()
        router.get("/fast", timeout: .seconds(3_600)) { _ in "fast" }
        router.get("/failing", timeout: .seconds(3_600)) { _ -> String in throw HTTPError(.conflict) }
        #expect(try await self.answer(router, "/fast").text() == "fast")
        #expect(await self.answer(router, "/failing").status == .conflict)
    }

    @Test("are those of the group unless a route has one of its own, and include the middleware of the group")
    func groups() async throws {
        struct Sleeper: HTTPMiddleware {
            func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
                if request.path.hasPrefix("/group/sleepy") { try await Task.sleep(for: .seconds(3_600)) }
                return try await next.handle(request)
            }
        }
        let router = Router()
        let group = router.group("/group", middleware: [Sleeper()], timeout: .milliseconds(1))
        group.get("/sleepy") { _ in "never" }
        group.get("/own", timeout: .seconds(3_600)) { _ in
            try await Task.sleep(for: .milliseconds(20))
            return "own"
        }
        #expect(await self.answer(router, "/group/sleepy").status == .serviceUnavailable)
        #expect(try await self.answer(router, "/group/own").text() == "own")
    }
}
