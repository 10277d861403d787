-- Forgets the failures and knows the client. KEYS as in begin.lua; ARGV: how long it is known, in milliseconds, 0 when there
-- is no client to know.
redis.call('DEL', KEYS[1], KEYS[2])
if ARGV[1] ~= '0' then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
end
return 0
