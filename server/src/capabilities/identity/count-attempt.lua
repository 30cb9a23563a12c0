-- Counts an attempt to sign in before its password is looked at, so that a hundred at the same instant are not a hundred
-- guesses. The last one allowed closes the lock behind itself; a right password opens it again by deleting the count.
-- KEYS: sign-in failures of the name
-- ARGV: now ms, attempts allowed, locked for ms
-- Answers until when the name is locked in ms, or 0 if this attempt may go on.
local failures = KEYS[1]
local now_ms, attempts_max, lock_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local kept = redis.call('HMGET', failures, 'count', 'untilMs')
local count, until_ms = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
if until_ms > now_ms then return until_ms end
if until_ms > 0 then count = 0 end

redis.call('HSET', failures, 'count', count + 1)
if count + 1 >= attempts_max then
  redis.call('HSET', failures, 'untilMs', string.format('%.0f', now_ms + lock_ms))
else
  redis.call('HDEL', failures, 'untilMs')
end
redis.call('PEXPIRE', failures, lock_ms)
return 0
