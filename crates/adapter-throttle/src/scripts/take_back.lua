-- Does the same as domain::throttle::Failures::take_back, atomically.
-- KEYS: as in begin.lua. ARGV: the current time (in milliseconds).
local key = KEYS[1]
if redis.call('EXISTS', KEYS[3]) == 1 then
  key = KEYS[2]
end
local count = string.match(redis.call('GET', key) or '', '(%d+):')
if count then
  local kept = string.format('%.0f:%s', math.max(tonumber(count) - 1, 0), ARGV[1])
  redis.call('SET', key, kept, 'KEEPTTL')
end
return 0
