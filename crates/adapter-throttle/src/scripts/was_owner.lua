-- Deletes the failures of the account and of the client, and marks the client as known.
-- KEYS: as in begin.lua. ARGV: how long the client is known (in milliseconds); 0 if the client's address is not known.
redis.call('DEL', KEYS[1], KEYS[2])
if ARGV[1] ~= '0' then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
end
return 0
