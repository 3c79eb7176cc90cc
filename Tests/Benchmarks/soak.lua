-- wrk script of soak.py: of 100 requests 41 are for a page without a session, 30 read a session, 25 change one, 2 begin one, 2 log in.
-- From the environment:
--   BENCH_COOKIES   a file with a Cookie header on each line
--   BENCH_BEGINS    "no" for pages in the place of new sessions and logins, "only" for new sessions alone
-- The last line is `result: requests failed`.
local begins, alone = os.getenv("BENCH_BEGINS") ~= "no", os.getenv("BENCH_BEGINS") == "only"
local cookies, turn, visitor, logins = {}, 0, 0, 0
for line in io.lines(os.getenv("BENCH_COOKIES")) do cookies[#cookies + 1] = line end

local function with_session(path)
    visitor = visitor % #cookies + 1
    return wrk.format("GET", path, { ["Cookie"] = cookies[visitor], ["User-Agent"] = "bench" })
end

request = function()
    turn = turn % 100 + 1
    if alone or begins and turn % 50 == 1 then return wrk.format("GET", "/session", { ["User-Agent"] = "bench" }) end
    if begins and turn % 50 == 2 then
        logins = logins % 1000 + 1
        local fields = { ["Content-Type"] = "application/x-www-form-urlencoded", ["User-Agent"] = "bench" }
        return wrk.format("POST", "/login", fields, "user=user" .. logins)
    end
    if turn % 10 < 4 then return wrk.format("GET", "/hello") end
    if turn % 10 < 7 then return with_session("/session/peek") end
    if turn % 4 > 0 then return with_session("/session") end
    return wrk.format("GET", "/hello")
end

done = function(summary)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("result: %d %d\n", summary.requests, failed))
end
