-- wrk script: POSTs verifications from a file, in turn, each thread from another place; prints one JSON line at the end.
-- Arguments after `--`: bodies file, bearer token.
local bodies, threads = {}, 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[2]
  at = (number * 7919) % #bodies
end

function request()
  at = at % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end

function done(summary, latency, requests)
  local e = summary.errors
  local shares = {}
  for _, share in ipairs({5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9}) do
    shares[#shares + 1] = string.format('[%g, %.2f]', share, latency:percentile(share) / 1000)
  end
  io.write(string.format('{"requests": %d, "us": %d, "errors": %d, "p50_ms": %.2f, "p99_ms": %.2f, "distribution": [%s]}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, table.concat(shares, ", ")))
end
