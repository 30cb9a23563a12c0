-- Decides that claims of a deal stop or go on. Home decides and remembers; every slice is told after that (pause-slice.lua), and
-- it is done when all of them have said so.
-- KEYS 1 pool  2 ledger  3 answers  4 answers' order
-- ARGV 1 deal id  2 '1' or '0'  3 who  4 why  5 now  6 request id ('' for the kill switch)  7 hash of the input
--      8 ms after which the answer may be forgotten
-- Answers the outcome as JSON, whether the deal is paused now, which pause that is, and why.

-- @include ../../platform/redis/answers.lua

local pool, ledger, answers, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, paused, who, why, now, request, hash, forget_ms = unpack(ARGV)

local function standing()
  local p = redis.call('HMGET', pool, 'paused', 'pauseVersion', 'pausedWhy')
  return p[1] or '0', p[2] or '0', p[3] or ''
end

local outcome = request ~= '' and recall(answers, request, 'deals:pause', hash)
if outcome then return { outcome, standing() } end
if redis.call('EXISTS', pool) == 0 then return { '{"ok":false,"why":"unknown-deal","dealId":"' .. id .. '"}', '0', '0', '' } end
local before = redis.call('HGET', pool, 'paused') or '0'
if request ~= '' or before ~= paused then
  redis.call('XADD', ledger, '*', 'e', paused == '1' and 'deal-paused' or 'deal-resumed', 't', now, 'deal', id, 'who', who, 'why', why)
  redis.call('HSET', pool, 'paused', paused, 'pausedWhy', why)
  redis.call('HINCRBY', pool, 'pauseVersion', 1)
end
outcome = '{"ok":true,"reply":{"paused":' .. (paused == '1' and 'true' or 'false') .. '}}'
if request ~= '' then
  remember(answers, order, request, 'deals:pause', hash, outcome, now, string.format('%.0f', tonumber(now) + tonumber(forget_ms)))
end
return { outcome, standing() }
