-- Posts the bodies of a file, one a line, in turn, and counts the answers that are no plain success.
-- With "look" after the file it looks for errors in each answer; without it goes by the status alone, which wrk counts
-- itself and which takes a sixth less of its time: with answers that come at 20,000 a second, its own pace matters.
-- Each request has a traceparent of its own, as load balancers and tracing clients send it; with "same" after the file
-- all heads are the same.

local threads, requests, turn = {}, {}, 0
failed = 0
local TRACE = "%(trace%)"

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
  local wishes = table.concat(arguments, " ", 2)
  local own_heads = not wishes:find("same")
  headers["traceparent"] = own_heads and "(trace)" or nil
  for body in io.lines(arguments[1]) do
    local whole = wrk.format("POST", nil, headers, body)
    local before, behind = whole:find(TRACE)
    table.insert(requests, own_heads and { whole:sub(1, before - 1), whole:sub(behind + 1) } or whole)
  end
  if own_heads then
    request = request_of_its_own
  end
  if wishes:find("look") then
    response = look
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

local traces = 0

function request_of_its_own()
  traces = traces + 1
  local around = requests[traces % #requests + 1]
  return around[1] .. string.format("00-%016x%016x-%016x-01", traces, traces, traces) .. around[2]
end

function look(status, _, body)
  if status ~= 200 or body:find('"errors"', 1, true) then
    failed = failed + 1
  end
end

function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  local wrong = 0
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("failed")
  end
  io.write(string.format(
    '{"answers": %d, "seconds": %f, "failed": %d, "broken": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6, math.max(wrong, errors.status), broken,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
