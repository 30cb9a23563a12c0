-- Takes an event of the payment provider into the inbox, once. The first taker has until it is due to settle it; after
-- that any node's sweep does.
-- KEYS: 1 inbox, 2 its shelf.
-- ARGV: 1 event id, 2 entry ("<state> <attempts> <why or -> <event as JSON>"), 3 its place on the shelf, 4 entries kept at
--   most.
-- Answers the entry that is kept already, or 'taken', or 'full'.
local inbox, shelf = KEYS[1], KEYS[2]
local event_id, entry, place, entries_max = unpack(ARGV, 1, 4)

local kept = redis.call('HGET', inbox, event_id)
if kept then return kept end
if redis.call('HLEN', inbox) >= tonumber(entries_max) then return 'full' end
redis.call('HSET', inbox, event_id, entry)
redis.call('ZADD', shelf, place, event_id)
return 'taken'
