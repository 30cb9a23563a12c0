-- Takes an event of the payment provider into the inbox, once. The first taker has until it is due to settle it; after
-- that any node's sweep does.
-- KEYS: 1 inbox, 2 its shelf.
-- ARGV: 1 event id, 2 entry ("<state> <attempts> <why or -> <event as JSON>"), 3 its place on the shelf, 4 entries kept at
--   most, 5 the place from which on everything is settled.
-- Answers the entry that is kept already, or 'taken', or 'full'.
local inbox, shelf = KEYS[1], KEYS[2]
local event_id, entry, place, entries_max, settled_from = unpack(ARGV, 1, 5)

local kept = redis.call('HGET', inbox, event_id)
if kept then return kept end
if redis.call('HLEN', inbox) >= tonumber(entries_max) then
  -- What is settled is only kept for a replay: the oldest of it makes room for what is not.
  local old = redis.call('ZRANGEBYSCORE', shelf, settled_from, '+inf', 'LIMIT', 0, 8)
  if #old == 0 then return 'full' end
  redis.call('HDEL', inbox, unpack(old))
  redis.call('ZREM', shelf, unpack(old))
end
redis.call('HSET', inbox, event_id, entry)
redis.call('ZADD', shelf, place, event_id)
return 'taken'
