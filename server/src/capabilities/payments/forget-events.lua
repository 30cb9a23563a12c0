-- Forgets events that were kept long enough.
-- KEYS: 1 inbox, 2 its shelf.
-- ARGV: 1 how many at most of each range, 2... pairs of places, from and to, between which everything may go.
-- Answers how many went.
local inbox, shelf = KEYS[1], KEYS[2]
local most = ARGV[1]

local gone = 0
for i = 2, #ARGV, 2 do
  local old = redis.call('ZRANGEBYSCORE', shelf, ARGV[i], ARGV[i + 1], 'LIMIT', 0, most)
  if #old > 0 then
    redis.call('HDEL', inbox, unpack(old))
    redis.call('ZREM', shelf, unpack(old))
    gone = gone + #old
  end
end
return gone
