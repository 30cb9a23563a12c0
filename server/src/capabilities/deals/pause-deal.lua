-- Stops or resumes claims of a deal, where they are decided.
-- KEYS 1 deal  2 ledger  3 answers  4 answers' order
-- ARGV 1 deal id  2 '1' or '0'  3 who  4 why  5 now  6 request id  7 hash of the input  8 ms after which the answer may be forgotten  9 bell
-- Answers the outcome as JSON.

-- @include ../../platform/redis/answers.lua

local deal, ledger, answers, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, paused, who, why, now, request, hash, forget_ms, bell = unpack(ARGV)

local outcome = recall(answers, request, 'deals:pause', hash)
if outcome then return outcome end
if redis.call('EXISTS', deal) == 0 then return '{"ok":false,"why":"unknown-deal","dealId":"' .. id .. '"}' end
local at = redis.call('XADD', ledger, '*', 'e', paused == '1' and 'deal-paused' or 'deal-resumed', 't', now, 'deal', id, 'who', who, 'why', why)
redis.call('HSET', deal, 'paused', paused, 'pausedWhy', why, 'at', at)
redis.call('SPUBLISH', bell, '')
outcome = '{"ok":true,"reply":{"paused":' .. (paused == '1' and 'true' or 'false') .. '}}'
remember(answers, order, request, 'deals:pause', hash, outcome, now, string.format('%.0f', tonumber(now) + tonumber(forget_ms)))
return outcome
