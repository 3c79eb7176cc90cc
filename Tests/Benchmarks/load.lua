-- wrk script of bench.py. From the environment:
--   BENCH_COOKIES   a file with a Cookie header on each line; each request belongs to the next of them
-- The last line is `result: requests µs p50 p99 failed`.
local cookies, turn = {}, 0
local file = os.getenv("BENCH_COOKIES")
if file then
    for line in io.lines(file) do cookies[#cookies + 1] = line end
end

request = function()
    if #cookies == 0 then return wrk.format("GET") end
    turn = turn % #cookies + 1
    return wrk.format("GET", nil, { ["Cookie"] = cookies[turn], ["User-Agent"] = "bench" })
end

done = function(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("result: %d %d %d %d %d\n",
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
