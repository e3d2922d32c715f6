-- wrk script: GET of an endpoint that does nothing; prints the same JSON line as verify_api.lua.
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
