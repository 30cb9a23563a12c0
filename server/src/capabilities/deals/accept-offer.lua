-- Takes an offer: it becomes an ordinary hold, with the deal's own minutes from now.
-- KEYS 1 ledger  2 lapses  3 holds of the shopper  4 answers  5 answers' order  6 slice of the deal
-- ARGV 1 shopper  2 hold id  3 now  4 request id  5 hash of the input  6 bell of the shopper's holds
--      7 ms after which an answer may be forgotten
-- Answers the outcome as JSON.

-- @include ../../platform/redis/answers.lua
-- @include ./hold-answer.lua
-- @include ./terms.lua

local ledger, lapses, holds, answers, order, slice = unpack(KEYS)
local shopper, hold, now, request, hash, mine = unpack(ARGV)

local outcome = recall(answers, request, 'deals:accept', hash) or claimed_with(holds, request)
if outcome then return outcome end
local kept = redis.call('HGET', holds, hold)
local lapses_at = tonumber(redis.call('ZSCORE', lapses, shopper .. ' ' .. hold) or '0')
if not kept or not string.find(kept, '"kind":"offer"', 1, true) or lapses_at <= tonumber(now) then
  return '{"ok":false,"why":"unknown-hold"}'
end
local d = redis.call('HMGET', slice, 't', 'na', 'nt')
local terms = terms_at({ now_text = d[1], next_at = tonumber(d[2]), next_text = d[3] }, tonumber(now))
local until_ms = string.format('%.0f', tonumber(now) + terms.hold_ms)
local sim, json = string.match(kept, '^%S+ %S+ (%d) (.*)$')
json = string.gsub(json, '"kind":"offer"', '"kind":"hold"', 1)
json = string.gsub(json, '"lapsesAtMs":%d+', '"lapsesAtMs":' .. until_ms, 1)
redis.call('XADD', ledger, '*', 'e', 'accepted', 't', now, 'shopper', shopper, 'hold', hold, 'sim', sim)
redis.call('HSET', holds, hold, request .. ' =accept ' .. sim .. ' ' .. json)
redis.call('ZADD', lapses, until_ms, shopper .. ' ' .. hold)
redis.call('SPUBLISH', mine, '')
outcome = '{"ok":true,"reply":' .. json .. '}'
remember(answers, order, request, 'deals:accept', hash, outcome, now, '+inf')
return outcome
