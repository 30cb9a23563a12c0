-- Tells the seed of a drop that is over. From then on the drop deals nothing more, however late a tap comes through.
-- KEYS: 1 the drop, 2 its seed.  ARGV: 1 now (ms), 2 how long after closing taps may still be on their way (ms).
-- Answers the seed, or nil before its time.
local drop, seed = KEYS[1], KEYS[2]
local now, grace = tonumber(ARGV[1]), tonumber(ARGV[2])

local closes_at = redis.call('HGET', drop, 'closesAt')
if not closes_at or now < tonumber(closes_at) + grace then return nil end
redis.call('HSET', drop, 'revealed', '1')
return redis.call('GET', seed)
