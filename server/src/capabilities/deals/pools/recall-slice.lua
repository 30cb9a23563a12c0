-- Closes a slice: what home granted it is accepted first, then all that is free goes home.
-- KEYS 1 slice  2 ledger
-- ARGV 1 pool id  2 now  3 units granted to it in all
-- Answers g, r and 1 if it is closed now; nothing when there is no such slice.

-- @include pool.lua

local slice, ledger = KEYS[1], KEYS[2]
local id, now, granted = ARGV[1], ARGV[2], ARGV[3]

close_slice(slice, granted, ledger, id, now)
return redis.call('HMGET', slice, 'g', 'r', 'closed')
