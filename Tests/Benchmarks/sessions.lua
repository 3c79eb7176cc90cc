-- wrk script: each request belongs to the next of the sessions whose Cookie headers are the lines of $BENCH_COOKIES.
local cookies = {}
for line in io.lines(os.getenv("BENCH_COOKIES")) do
    cookies[#cookies + 1] = line
end
local turn = 0

request = function()
    turn = turn % #cookies + 1
    return wrk.format("GET", nil, { ["Cookie"] = cookies[turn], ["User-Agent"] = "bench" })
end
