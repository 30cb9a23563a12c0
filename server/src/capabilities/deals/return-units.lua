-- Ends a hold without a sale: its units are free again. Because it lapsed (any node may say so, and it is checked here) or
-- because its shopper let it go.
-- KEYS 1 ledger  2 lapses  3 totals  4 holds of the shopper  5 answers  6 answers' order, then for each line: deal, units taken by shopper
-- ARGV 1 'lapsed' or 'released'  2 shopper  3 hold id  4 now  5 request id of the release ('' for a lapse)  6 hash of its input
--      7 ms after which an answer may be forgotten  8 bell of the shopper's holds, then for each line: id, quantity, bell
-- Answers the outcome as JSON; for a lapse 'lapsed', 'gone' or 'not-yet'.

-- @include ../../platform/redis/answers.lua

local ledger, lapses, totals, holds, answers, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local why, shopper, hold, now, request, hash, forget_ms, mine = unpack(ARGV, 1, 8)
local member = shopper .. ' ' .. hold
local forget_at = string.format('%.0f', tonumber(now) + tonumber(forget_ms))

if request ~= '' then
  local outcome = recall(answers, request, 'deals:release', hash)
  if outcome then return outcome end
end
local kept = redis.call('HGET', holds, hold)
if not kept then
  if why == 'lapsed' then
    redis.call('ZREM', lapses, member)
    return 'gone'
  end
  return '{"ok":false,"why":"unknown-hold"}'
end
local lapses_at = redis.call('ZSCORE', lapses, member)
if why == 'lapsed' and lapses_at and tonumber(lapses_at) > tonumber(now) then return 'not-yet' end

local claim_request, sim = string.match(kept, '^(%S+) (%d) ')
local line_count = (#KEYS - 6) / 2
local booked = {}
for i = 1, line_count do booked[i] = ARGV[6 + i * 3] .. ' ' .. ARGV[7 + i * 3] end
local at = redis.call('XADD', ledger, '*', 'e', why, 't', now, 'shopper', shopper, 'hold', hold, 'lines', table.concat(booked, ';'), 'sim', sim)
for i = 1, line_count do
  local deal, taken, quantity = KEYS[5 + i * 2], KEYS[6 + i * 2], tonumber(ARGV[7 + i * 3])
  redis.call('HINCRBY', deal, 'held', -quantity)
  redis.call('HINCRBY', deal, 'free', quantity)
  redis.call('HSET', deal, 'at', at)
  if redis.call('HINCRBY', taken, shopper, -quantity) <= 0 then redis.call('HDEL', taken, shopper) end
  redis.call('SPUBLISH', ARGV[8 + i * 3], '')
end
redis.call('HDEL', holds, hold)
redis.call('ZREM', lapses, member)
redis.call('HINCRBY', totals, why .. (sim == '1' and ':sim' or ''), 1)
redis.call('SPUBLISH', mine, '')
-- The claim's answer was kept as long as its hold; from here it may be forgotten like any other.
forget_after(order, claim_request, forget_at)
if request == '' then return 'lapsed' end
local outcome = '{"ok":true,"reply":{"holdId":"' .. hold .. '"}}'
remember(answers, order, request, 'deals:release', hash, outcome, now, forget_at)
return outcome
