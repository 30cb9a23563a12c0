-- A shopper waits no longer.
-- KEYS 1 those who wait  2 answers  3 answers' order
-- ARGV 1 partition of the shopper  2 shopper  3 now  4 request id  5 command  6 hash of the input  7 ms after which the answer may be
--      forgotten  8 what every answer names, as members of a JSON object
-- Answers the outcome as JSON.

-- @include ../../../platform/redis/answers.lua

local waiting, answers, order = KEYS[1], KEYS[2], KEYS[3]
local p, shopper, now, request, command, hash, forget_ms, about = unpack(ARGV)

local outcome = recall(answers, request, command, hash)
if outcome then return outcome end
local member = p .. ' ' .. shopper
if redis.call('ZREM', waiting, member .. ' 0', member .. ' 1') > 0 then
  outcome = '{"ok":true,"reply":{' .. about .. '}}'
else
  outcome = '{"ok":false,"why":"not-waiting",' .. about .. '}'
end
remember(answers, order, request, command, hash, outcome, now, string.format('%.0f', tonumber(now) + tonumber(forget_ms)))
return outcome
