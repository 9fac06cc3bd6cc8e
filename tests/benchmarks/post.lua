-- Posts the bodies in a file, one on each line, in turn, and counts the answers that did not succeed.
-- With "check-answers" after the file it searches each answer for errors. Otherwise it only uses the status, which wrk
-- counts itself; this takes a sixth less of wrk's time, which matters with 20,000 answers per second.
-- Each request has a different traceparent, as load balancers and tracing clients send it; with "same-head" after the
-- file, all requests have the same headers.

local threads, requests, turn = {}, {}, 0
failed = 0
local TRACE = "%(trace%)"

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
  local options = table.concat(arguments, " ", 2)
  local different_heads = not options:find("same-head", 1, true)
  headers["traceparent"] = different_heads and "(trace)" or nil
  for body in io.lines(arguments[1]) do
    local whole = wrk.format("POST", nil, headers, body)
    local before, behind = whole:find(TRACE)
    table.insert(requests, different_heads and { whole:sub(1, before - 1), whole:sub(behind + 1) } or whole)
  end
  if different_heads then
    request = request_with_own_traceparent
  end
  if options:find("check-answers", 1, true) then
    response = check_answer
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

local traces = 0

function request_with_own_traceparent()
  traces = traces + 1
  local around = requests[traces % #requests + 1]
  return around[1] .. string.format("00-%016x%016x-%016x-01", traces, traces, traces) .. around[2]
end

function check_answer(status, _, body)
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
