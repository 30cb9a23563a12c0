-- Ends a hold or an offer without a sale: its units go back. Because it lapsed (any node may say so, and it is checked here) or
-- because its shopper let it go. A hold whose order waits for its payment ends with the order, not here.
-- KEYS 1 ledger  2 lapses  3 totals  4 holds of the shopper  5 answers  6 answers' order  7 what the shopper abandoned, then for
--      each line: slice, units taken by shopper
-- ARGV 1 'lapsed' or 'released'  2 shopper  3 hold id  4 now  5 request id of the release ('' for a lapse)  6 hash of its input
--      7 ms after which an answer may be forgotten  8 bell of the shopper's holds  9 ms for which an abandoned hold counts,
--      then for each line: deal id, quantity, bell
-- Answers the outcome as JSON and the deals whose units are on their way home; for a lapse 'lapsed', 'gone' or 'not-yet'.

-- @include ../../platform/redis/answers.lua
-- @include ./pools/pool.lua
-- @include ./hold-answer.lua

local ledger, lapses, totals, holds, answers, order, abandoned = unpack(KEYS, 1, 7)
local why, shopper, hold, now, request, hash, forget_ms, mine, abandoned_ms = unpack(ARGV, 1, 9)
local member = shopper .. ' ' .. hold
local forget_at = string.format('%.0f', tonumber(now) + tonumber(forget_ms))

if request ~= '' then
  local outcome = recall(answers, request, 'deals:release', hash) or claimed_with(holds, request)
  if outcome then return { outcome, '' } end
end
local kept = redis.call('HGET', holds, hold)
if not kept then
  if why == 'lapsed' then
    redis.call('ZREM', lapses, member)
    return { 'gone', '' }
  end
  return { '{"ok":false,"why":"unknown-hold"}', '' }
end
local payment = string.match(kept, '"paymentId":"([^"]+)"')
if payment then
  if why == 'lapsed' then
    redis.call('ZREM', lapses, member)
    return { 'gone', '' }
  end
  return { '{"ok":false,"why":"being-paid","paymentId":"' .. payment .. '"}', '' }
end
local lapses_at = redis.call('ZSCORE', lapses, member)
if why == 'lapsed' and lapses_at and tonumber(lapses_at) > tonumber(now) then return { 'not-yet', '' } end

local sim = string.match(kept, '^%S+ %S+ (%d) ')
local offered = string.find(kept, '"kind":"offer"', 1, true)
local booked, home = {}, {}
for i = 1, (#KEYS - 7) / 2 do
  local slice, taken = KEYS[6 + i * 2], KEYS[7 + i * 2]
  local id, quantity, bell = unpack(ARGV, 7 + i * 3, 9 + i * 3)
  booked[i] = id .. ' ' .. quantity
  redis.call('HINCRBY', slice, 'held', -tonumber(quantity))
  if give_back(slice, tonumber(quantity)) then home[#home + 1] = 'deal:' .. id end
  if redis.call('HINCRBY', taken, shopper, -tonumber(quantity)) <= 0 then redis.call('HDEL', taken, shopper) end
  redis.call('SPUBLISH', bell, '')
end
local bound_home = table.concat(home, ',')
local at = redis.call('XADD', ledger, '*', 'e', why, 't', now, 'shopper', shopper, 'hold', hold, 'lines', table.concat(booked, ';'),
  'sim', sim, 'home', bound_home)
for i = 1, (#KEYS - 7) / 2 do redis.call('HSET', KEYS[6 + i * 2], 'at', at) end
redis.call('HDEL', holds, hold)
redis.call('ZREM', lapses, member)
if why == 'lapsed' and not offered then
  redis.call('ZADD', abandoned, now, hold)
  redis.call('ZREMRANGEBYSCORE', abandoned, '-inf', string.format('%.0f', tonumber(now) - tonumber(abandoned_ms)))
  redis.call('PEXPIRE', abandoned, abandoned_ms)
end
redis.call('HINCRBY', totals, why .. (sim == '1' and ':sim' or ''), 1)
redis.call('SPUBLISH', mine, '')
remember_claim(answers, order, kept, now, forget_at)
if request == '' then return { 'lapsed', bound_home } end
local outcome = '{"ok":true,"reply":{"holdId":"' .. hold .. '"}}'
remember(answers, order, request, 'deals:release', hash, outcome, now, forget_at)
return { outcome, bound_home }
