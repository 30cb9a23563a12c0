-- Takes what is due for a while: what is not concluded by then is due again, so a node that dies in the middle loses
-- nothing, and meanwhile no other node does the same work.
-- KEYS: 1 dues (sorted set: score when due in ms; negative ones are never due).
-- ARGV: 1 now (ms), 2 until when they are taken (ms), 3 how many at most.
-- Answers the members taken, the one longest due first.
local dues = KEYS[1]
local now, until_ms, most = unpack(ARGV, 1, 3)

local taken = redis.call('ZRANGEBYSCORE', dues, 0, now, 'LIMIT', 0, most)
for _, member in ipairs(taken) do redis.call('ZADD', dues, until_ms, member) end
return taken
