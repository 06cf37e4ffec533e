-- For wrk: the body of uploads, and the result as figures that need no reading of prose.
function init(args)
  if args[1] then
    wrk.method = args[1]
    wrk.body = string.rep("k", tonumber(args[2]))
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("\nRESULT %d %d %d %d\n", summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout))
end
