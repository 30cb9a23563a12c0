-- Moves the head of a sealed ledger to the segment that follows it. Two sealers that made the same number never both do.
-- KEYS 1 how far the ledger was sealed
-- ARGV 1 number and 2 hash of the segment that was the last one (0 and '' for none)
--      3 number  4 hash  5 name of the file  6 last line  7 entries and 8 lines sealed in all  9 when, in ms  10 balances, as JSON
-- Answers 'moved' or 'lost'.
local sealed = KEYS[1]
local kept = redis.call('HMGET', sealed, 'number', 'hash')
if (kept[1] or '0') ~= ARGV[1] or (kept[2] or '') ~= ARGV[2] then return 'lost' end
redis.call('HSET', sealed, 'number', ARGV[3], 'hash', ARGV[4], 'name', ARGV[5], 'last', ARGV[6],
  'entries', ARGV[7], 'lines', ARGV[8], 'at', ARGV[9], 'balances', ARGV[10])
return 'moved'
