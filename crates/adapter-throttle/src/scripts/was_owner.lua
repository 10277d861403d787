-- Deletes the failures and marks the client as known. KEYS are those of begin.lua; ARGV: how long it is known, in milliseconds, 0 if there
-- is no client.
redis.call('DEL', KEYS[1], KEYS[2])
if ARGV[1] ~= '0' then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
end
return 0
