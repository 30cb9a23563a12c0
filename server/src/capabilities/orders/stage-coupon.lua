-- Makes a coupon's slice in one partition and brings it what home has granted; again and again without harm.
-- KEYS 1 slice  2 ledger
-- ARGV 1 pool id  2 now  3 uses granted to this slice in all, as home says
-- Answers how many uses came.

-- @include ../deals/pools/pool.lua

local slice, ledger = KEYS[1], KEYS[2]
local id, now, granted = ARGV[1], ARGV[2], ARGV[3]

open_slice(slice)
return accept_grant(slice, granted, ledger, id, now)
