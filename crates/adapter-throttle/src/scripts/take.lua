-- Does the same as domain::throttle::Usage::take, atomically; with a second key, the same as take_once.
-- KEYS: the usage of the subject; for take_once, also the key of the use, whose value is the time until which a repeated use is not counted again.
-- ARGV: the current time, how long the keys are stored, and then the count and the window of each quota (times in milliseconds).
-- The stored value is "used:ends_at" for each quota, separated by ";".
-- Returns 1 if the use is allowed, otherwise 0; and then, for each quota, the remaining count and the milliseconds until its reset.
local now = tonumber(ARGV[1])
local used, ends = {}, {}
for count, ends_at in string.gmatch(redis.call('GET', KEYS[1]) or '', '(%d+):(%d+)') do
  used[#used + 1], ends[#ends + 1] = tonumber(count), tonumber(ends_at)
end
local known = false
if KEYS[2] then
  local left = tonumber(redis.call('GET', KEYS[2]) or '0') - now
  known = left > 0 and left <= tonumber(ARGV[2])
end
local quotas = (#ARGV - 2) / 2
local allowed = 1
for index = 1, quotas do
  local window = tonumber(ARGV[2 * index + 2])
  local left = (ends[index] or 0) - now
  if left <= 0 or left > window then
    used[index], ends[index] = 0, now + window
  end
  if used[index] >= tonumber(ARGV[2 * index + 1]) then
    allowed = 0
  end
end
local counted = allowed
if known then
  allowed, counted = 1, 0
end
local kept, answer = {}, { allowed }
for index = 1, quotas do
  used[index] = used[index] + counted
  kept[index] = string.format('%.0f:%.0f', used[index], ends[index])
  answer[2 * index] = math.max(tonumber(ARGV[2 * index + 1]) - used[index], 0)
  answer[2 * index + 1] = ends[index] - now
end
redis.call('SET', KEYS[1], table.concat(kept, ';'), 'PX', ARGV[2])
if KEYS[2] and counted == 1 then
  redis.call('SET', KEYS[2], string.format('%.0f', now + ARGV[2]), 'PX', ARGV[2])
end
return answer
