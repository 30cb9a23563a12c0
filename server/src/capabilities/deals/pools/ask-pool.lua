-- A slice ran dry: home grants it units, names the slices to close first, or gives its verdict. What slices that were closed
-- said of themselves comes along, and is taken before.
-- KEYS 1 pool  2 those who wait  3 ledger  4 outbox  5 outbox numbers
-- ARGV 1 pool id  2 now  3 number of partitions  4 asking slice  5 its g  6 units wanted by all who wait there
--      7 units wanted by the one who wants least, then for each slice that was closed: k, r, g, 1
-- Answers what home.lua's ask() answers, or 'unknown'; and how many offers were made.

-- @include home.lua

local p, g, want, least = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local home = read_home()
if not home then return { 'unknown', 0 } end
take_back_from(home, 8)
return { ask(home, p, g, want, least), home.offered }
