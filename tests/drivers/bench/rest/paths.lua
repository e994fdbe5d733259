-- For wrk: asks for the paths in a file in turn, a line each, with a key behind a tab where one is needed, and prints the
-- rate, the time within which 99 of 100 answers came, in milliseconds, and how many answers were none.
local requests, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, key = line:match("^([^\t]+)\t?(.*)$")
    local headers = { ["Accept"] = "application/json" }
    if key ~= "" then headers["Authorization"] = "Bearer " .. key end
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RATE %.2f P99 %.3f FAILED %d\n", summary.requests / (summary.duration / 1000000), latency:percentile(99) / 1000, failed))
end
