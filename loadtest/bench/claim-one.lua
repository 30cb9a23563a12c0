-- The peer of the benches: one claim, decided by one call, as a good engineer writes it for one EVALSHA a claim.
-- It promises stock, the limit of a shopper, a window, a hold that lapses, a ledger line and a remembered answer. It leaves
-- out what else ours does in its script: doorbells of the feeds, announced events, totals, terms and pauses, the most
-- holds of one shopper, several deals in one claim, forgetting old answers, and the check of its own clock.
-- KEYS 1 deal  2 units taken by shopper  3 answers of the shopper  4 holds of the shopper  5 lapses  6 ledger
-- ARGV 1 shopper  2 request id  3 hash of the input  4 hold id  5 now  6 quantity  7 deal id
-- Answers the outcome as JSON.
local kept = redis.call('HGET', KEYS[3], ARGV[2])
if kept then
  local hash, outcome = string.match(kept, '^(%S+) (.*)$')
  if hash ~= ARGV[3] then return '{"ok":false,"why":"request-id-reused"}' end
  return outcome
end
local now, quantity = tonumber(ARGV[5]), tonumber(ARGV[6])
local d = redis.call('HMGET', KEYS[1], 'free', 'limit', 'opens', 'closes', 'price', 'currency', 'holdMs')
local function answer(outcome)
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[3] .. ' ' .. outcome)
  redis.call('PEXPIRE', KEYS[3], 604800000)
  return outcome
end
local about = '","dealId":"' .. ARGV[7] .. '"'
if not d[1] then return '{"ok":false,"why":"unknown-deal' .. about .. '}' end
if now < tonumber(d[3]) then return '{"ok":false,"why":"not-open-yet' .. about .. ',"opensAtMs":' .. d[3] .. '}' end
if now >= tonumber(d[4]) then return '{"ok":false,"why":"closed' .. about .. ',"closedAtMs":' .. d[4] .. '}' end
local taken = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if taken + quantity > tonumber(d[2]) then
  return answer('{"ok":false,"why":"limit-reached' .. about .. ',"limit":' .. d[2] .. ',"taken":' .. taken .. '}')
end
if tonumber(d[1]) < quantity then return answer('{"ok":false,"why":"sold-out' .. about .. '}') end
local lapses = string.format('%.0f', now + tonumber(d[7]))
redis.call('HINCRBY', KEYS[1], 'free', -quantity)
redis.call('HINCRBY', KEYS[1], 'held', quantity)
redis.call('HINCRBY', KEYS[2], ARGV[1], quantity)
local hold = '{"holdId":"' .. ARGV[4] .. '","lines":[{"dealId":"' .. ARGV[7] .. '","quantity":' .. quantity .. ',"priceMinor":' .. d[5]
  .. ',"currency":"' .. d[6] .. '"}],"claimedAtMs":' .. ARGV[5] .. ',"lapsesAtMs":' .. lapses .. '}'
redis.call('HSET', KEYS[4], ARGV[4], hold)
redis.call('ZADD', KEYS[5], lapses, ARGV[1] .. ' ' .. ARGV[4])
redis.call('XADD', KEYS[6], '*', 'e', 'claimed', 't', ARGV[5], 'shopper', ARGV[1], 'hold', ARGV[4], 'lines',
  ARGV[7] .. ' ' .. quantity .. ' ' .. d[5])
return answer('{"ok":true,"reply":' .. hold .. '}')
