-- For wrk: asks for the paths it is given in turn, and prints the rate and how many answers were none.
local paths, at = {}, 0

function init(arguments)
  paths = arguments
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end

function done(summary)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RATE %.0f FAILED %d\n", summary.requests / (summary.duration / 1000000), failed))
end
