-- Posts the bodies of a file, one a line, in turn, and counts the answers that are no plain success.
-- With "look" after the file it looks for errors in each answer; without it goes by the status alone, which wrk counts
-- itself and which takes a sixth less of its time: with answers that come at 20,000 a second, its own pace matters.

local threads, requests, turn = {}, {}, 0
failed = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
  for body in io.lines(arguments[1]) do
    table.insert(requests, wrk.format("POST", nil, headers, body))
  end
  if arguments[2] == "look" then
    response = look
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
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
