-- Does the same as domain::throttle::Usage::give_back, atomically.
-- KEYS: the usage of the subject, as in take.lua. ARGV: the current time, and then the window of each quota (all in milliseconds).
local now = tonumber(ARGV[1])
local kept = {}
for used, ends_at in string.gmatch(redis.call('GET', KEYS[1]) or '', '(%d+):(%d+)') do
  local count, left = tonumber(used), tonumber(ends_at) - now
  if left > 0 and left <= tonumber(ARGV[#kept + 2] or 0) then
    count = math.max(count - 1, 0)
  end
  kept[#kept + 1] = string.format('%.0f:%s', count, ends_at)
end
if #kept > 0 then
  redis.call('SET', KEYS[1], table.concat(kept, ';'), 'KEEPTTL')
end
return 0
