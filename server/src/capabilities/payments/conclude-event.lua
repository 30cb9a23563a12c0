-- Writes what came of settling an event: settled, flagged for an operator, or to be tried again.
-- KEYS: 1 inbox, 2 its shelf.
-- ARGV: 1 event id, 2 the place at which it was taken, 3 the new entry, 4 its new place.
-- Answers 'done', or 'moved' when somebody else has had it since: then nothing is changed.
local inbox, shelf = KEYS[1], KEYS[2]
local event_id, seen, entry, place = unpack(ARGV, 1, 4)

local now = redis.call('ZSCORE', shelf, event_id)
if not now or tonumber(now) ~= tonumber(seen) then return 'moved' end
redis.call('HSET', inbox, event_id, entry)
redis.call('ZADD', shelf, place, event_id)
return 'done'
