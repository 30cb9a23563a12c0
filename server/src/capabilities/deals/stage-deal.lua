-- Puts a deal's terms and stock beside each other, where claims are decided; again and again without harm.
-- KEYS 1 deal  2 deals by closing time  3 ledger
-- ARGV 1 deal id  2 now  3 total  4 limit  5 hold ms  6 price  7 currency  8 opens  9 closes  10 bell
-- Answers 'staged', 'same', 'changed' (new terms) or 'restocked'.
local deal, deals, ledger = KEYS[1], KEYS[2], KEYS[3]
local id, now, total, limit, hold_ms, price, currency, opens, closes, bell = unpack(ARGV)

local kept = redis.call('HMGET', deal, 'total', 'limit', 'holdMs', 'price', 'currency', 'opens', 'closes', 'free')
if not kept[1] then
  local line = redis.call('XADD', ledger, '*', 'e', 'deal-staged', 't', now, 'deal', id, 'units', total)
  redis.call('HSET', deal, 'total', total, 'free', total, 'held', 0, 'sold', 0, 'limit', limit, 'holdMs', hold_ms, 'price', price,
    'currency', currency, 'opens', opens, 'closes', closes, 'terms', 1, 'paused', 0, 'at', line)
  redis.call('ZADD', deals, closes, id)
  redis.call('SPUBLISH', bell, '')
  return 'staged'
end

local answer = 'same'
if kept[2] ~= limit or kept[3] ~= hold_ms or kept[4] ~= price or kept[5] ~= currency or kept[6] ~= opens or kept[7] ~= closes then
  redis.call('HSET', deal, 'limit', limit, 'holdMs', hold_ms, 'price', price, 'currency', currency, 'opens', opens, 'closes', closes)
  redis.call('HINCRBY', deal, 'terms', 1)
  redis.call('ZADD', deals, closes, id)
  answer = 'changed'
end
-- More stock is added to what is free; less is taken from what is free only, so that no hold is ever broken.
local delta = math.max(tonumber(total) - tonumber(kept[1]), -tonumber(kept[8]))
if delta ~= 0 then
  local line = redis.call('XADD', ledger, '*', 'e', 'deal-restocked', 't', now, 'deal', id, 'units', delta)
  redis.call('HINCRBY', deal, 'total', delta)
  redis.call('HINCRBY', deal, 'free', delta)
  redis.call('HSET', deal, 'at', line)
  answer = 'restocked'
end
if answer ~= 'same' then redis.call('SPUBLISH', bell, '') end
return answer
