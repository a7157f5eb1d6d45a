-- What Redis tells of Sidekiq, in one atomic look; ARGV[1] is the host name of the worker. Sidekiq runs a
-- job of its own every five minutes: it renews a key and then queues the next one.
local said = {}
local function say(...)
  said[#said + 1] = table.concat({...}, " ")
end
local now = tonumber(redis.call("TIME")[1])
say("now", now)
say("onboarding", redis.call("EXISTS", "alfred:CHATWOOT_INSTALLATION_ONBOARDING"))
local key = "SIDEKIQ::LIVENESS_PROBE_TIMESTAMP::" .. ARGV[1]
local renewed = redis.call("GET", key)
if renewed then say("renewed", renewed) end
local soon = redis.call("ZRANGEBYSCORE", "schedule", "-inf", now + 900, "WITHSCORES", "LIMIT", 0, 5000)
for i = 1, #soon, 2 do
  if string.find(soon[i], "\"queue\":\"sidekiq-alive-" .. ARGV[1] .. "\"", 1, true) then
    say("next", soon[i + 1])
  end
end
for _, process in ipairs(redis.call("SMEMBERS", "processes")) do
  local of = redis.call("HMGET", process, "beat", "quiet")
  if of[1] then say("process", process, of[1], of[2] or "false") end
end
for _, queue in ipairs(redis.call("SMEMBERS", "queues")) do
  local oldest = redis.call("LINDEX", "queue:" .. queue, -1)
  if oldest then
    local fine, job = pcall(cjson.decode, oldest)
    local since = fine and tonumber(job["enqueued_at"]) or 0
    if since > 100000000000 then since = since / 1000 end
    say("queue", queue, redis.call("LLEN", "queue:" .. queue), since)
  end
end
return said
