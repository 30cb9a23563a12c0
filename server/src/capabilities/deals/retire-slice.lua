-- Takes away a slice whose pool is gone (pools/retire-pool.lua): nobody holds or owns anything of it, so repeating deals do not pile up.
-- KEYS 1 slice  2 units taken by shopper  3 deals by closing time  4 ledger
-- ARGV 1 deal id  2 now
-- Answers 'retired' or 'kept'.
local slice, taken, deals, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, now = ARGV[1], ARGV[2]
local d = redis.call('HMGET', slice, 'free', 'held', 'sold')
-- A slice that does not add up is evidence: it stays until a person has looked.
if d[1] and (d[1] ~= '0' or d[2] ~= '0' or d[3] ~= '0') then return 'kept' end
if d[1] then redis.call('XADD', ledger, '*', 'e', 'slice-retired', 't', now, 'pool', 'deal:' .. id) end
redis.call('UNLINK', slice, taken)
redis.call('ZREM', deals, id)
return 'retired'
