-- Takes back an attempt whose password was never looked at: the node was too busy.
-- KEYS: sign-in failures of the name
-- Answers 1, or 0 if nothing was counted.
local failures = KEYS[1]
if (tonumber(redis.call('HGET', failures, 'count')) or 0) < 1 then return 0 end
redis.call('HINCRBY', failures, 'count', -1)
redis.call('HDEL', failures, 'untilMs')
return 1
