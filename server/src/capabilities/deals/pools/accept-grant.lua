-- Brings a slice what home granted it, where the call that was to take it has died.
-- KEYS 1 slice  2 ledger
-- ARGV 1 pool id  2 now  3 units granted to it in all
-- Answers how many units came.

-- @include pool.lua

local slice, ledger = KEYS[1], KEYS[2]
local id, now, granted = ARGV[1], ARGV[2], ARGV[3]

return accept_grant(slice, granted, ledger, id, now)
