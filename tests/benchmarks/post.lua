-- Posts the bodies of a file, one a line, in turn, and counts the answers that are no plain success.

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
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function response(status, _, body)
  if status ~= 200 or body:find('"errors"', 1, true) then
    failed = failed + 1
  end
end

function done(summary)
  local errors = summary.errors
  local refused = errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do
    refused = refused + thread:get("failed")
  end
  io.write(string.format('{"answers": %d, "seconds": %f, "failed": %d}\n', summary.requests, summary.duration / 1e6, refused))
end
