-- Takes away a deal that is long over and of which nobody holds or owns anything, so that repeating deals do not pile up.
-- KEYS 1 deal  2 units taken by shopper  3 deals by closing time  4 ledger
-- ARGV 1 deal id  2 now  3 the moment before which it must have closed
-- Answers 'retired' or 'kept'.
local deal, taken, deals, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, now, closed_before = ARGV[1], ARGV[2], ARGV[3]

local d = redis.call('HMGET', deal, 'closes', 'free', 'held', 'sold', 'total')
if not d[1] then
  redis.call('ZREM', deals, id)
  return 'retired'
end
-- A deal that does not add up is evidence: it stays until a person has looked.
if tonumber(d[1]) >= tonumber(closed_before) or d[3] ~= '0' or d[4] ~= '0' or d[2] ~= d[5] then return 'kept' end
redis.call('XADD', ledger, '*', 'e', 'deal-retired', 't', now, 'deal', id, 'units', d[2])
redis.call('UNLINK', deal, taken)
redis.call('ZREM', deals, id)
return 'retired'
