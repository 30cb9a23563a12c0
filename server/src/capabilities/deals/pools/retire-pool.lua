-- Takes away a pool that has all its units at home again and every slice closed; home goes before its slices, because a slice
-- made anew beside a home that remembers its grants would be granted them all once more.
-- KEYS 1 pool  2 those who wait  3 ledger  4 outbox  5 outbox numbers  6 pools
-- ARGV 1 pool id  2 now  3 number of partitions
-- Answers 'retired' (also when it was), or 'kept'; and the slices that are not closed yet, as '<k>:<G> ...'.

-- @include home.lua

local home = read_home()
if not home then return { 'retired', '' } end
local open = not_dry(home)
if open ~= '' or home.free ~= home.total then return { 'kept', open } end
home_line(home, 'pool-retired', 'units', home.total)
redis.call('UNLINK', home.k.pool, home.k.waiting)
redis.call('ZREM', KEYS[6], home.id)
return { 'retired', '' }
