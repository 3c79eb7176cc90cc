-- wrk script: GET /hello and POST /echo in turn; every answer is looked at as a whole.
--
-- wrk calls response() with whatever answer comes, so a whole answer is one of the two that are right.
local hello = "hello\n"
local body = string.rep("0123456789abcdef", 256)
local turn = 0
local threads = {}

setup = function(thread) table.insert(threads, thread) end

init = function()
    gets, posts, failures, broken = 0, 0, 0, 0
    get = wrk.format("GET", "/hello")
    post = wrk.format("POST", "/echo", { ["Content-Type"] = "text/plain" }, body)
end

request = function()
    turn = turn + 1
    return turn % 2 == 0 and get or post
end

response = function(status, headers, answer)
    if status ~= 200 then
        failures = failures + 1
    elseif answer == body then
        posts = posts + 1
    elseif answer == hello then
        gets = gets + 1
    else
        broken = broken + 1
    end
end

done = function(summary)
    local sum = { gets = 0, posts = 0, failures = 0, broken = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(sum) do sum[name] = sum[name] + thread:get(name) end
    end
    local errors = summary.errors
    print(string.format(
        "load: %d gets, %d posts, %d refused, %d broken, %d connections lost, %d late",
        sum.gets, sum.posts, sum.failures, sum.broken, errors.connect + errors.read + errors.write, errors.timeout
    ))
end
