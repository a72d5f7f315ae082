-- Posts the lines of LOAD_BODIES one after the other, the threads in turn: posts come in the order of their dates, but for
-- what overtakes another on its way.
local bodies = {}
for line in io.lines(os.getenv("LOAD_BODIES")) do bodies[#bodies + 1] = line end
local pause = tonumber(os.getenv("LOAD_PAUSE_MS") or "0")
THREADS = tonumber(os.getenv("LOAD_THREADS"))
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  at = number - THREADS
  headers = {["Content-Type"] = "application/json"}
  wrong = 0
end

function request()
  at = (at + THREADS) % #bodies
  return wrk.format("POST", "/transaction", headers, bodies[at + 1])
end

if pause > 0 then
  -- Spread, so that connections don't march in step.
  function delay() return math.random(0, 2 * pause) end
end

function done(summary, latency, requests)
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.3f, "failed": %d, "p50": %.3f, "p99": %.3f, "most": %.3f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
