-- Does the same as domain::throttle::Failures::begin, atomically.
-- KEYS: the failures of the account, the failures of the client, and a key that exists if the client is known.
-- ARGV: the current time, the number of tolerated failures, the longest wait, and how long failures are stored (times in milliseconds).
-- The stored value is "count:until": the number of failures, and the end of the wait.
-- Returns how long the caller must wait, in milliseconds; 0 if the attempt is allowed.
local now, tolerated, longest, remembered = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key = KEYS[1]
if redis.call('EXISTS', KEYS[3]) == 1 then
  key = KEYS[2]
end
local count, till = string.match(redis.call('GET', key) or '0:0', '(%d+):(%d+)')
count, till = tonumber(count), tonumber(till)
local left = till - now
if left > 0 and left <= longest then
  return left
end
if now - till >= remembered then
  count = 0
end
count = count + 1
local wait = 0
if count >= tolerated then
  wait = math.min(1000 * 2 ^ math.min(count, 50), longest)
end
redis.call('SET', key, string.format('%.0f:%.0f', count, now + wait), 'PX', string.format('%.0f', remembered + longest))
return 0
