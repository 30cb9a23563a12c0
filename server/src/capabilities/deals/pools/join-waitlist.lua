-- A shopper waits for what comes back, in the order of joining; only when home's verdict is that nothing is left.
-- KEYS 1 pool  2 those who wait  3 ledger  4 outbox  5 outbox numbers  6 answers  7 answers' order
-- ARGV 1 pool id  2 now  3 number of partitions  4 partition of the shopper  5 shopper  6 1 if simulated  7 request id  8 command
--      9 hash of the input  10 ms after which the answer may be forgotten  11 most who may wait  12 what every answer names, as
--      members of a JSON object
-- Answers the outcome as JSON, and how many offers were made.

-- @include ../../../platform/redis/answers.lua
-- @include home.lua

local answers, order = KEYS[6], KEYS[7]
local shopper, request, command, hash, about = ARGV[5], ARGV[7], ARGV[8], ARGV[9], ARGV[12]
local now, forget_ms, waiting_max = tonumber(ARGV[2]), tonumber(ARGV[10]), tonumber(ARGV[11])

local outcome = recall(answers, request, command, hash)
if outcome then return { outcome, 0 } end

local function refuse(why, rest)
  return '{"ok":false,"why":"' .. why .. '",' .. about .. (rest or '') .. '}'
end

local home = read_home()
if not home then return { refuse('unknown-' .. string.match(ARGV[1], '^%a+')), 0 } end
settle(home)
if is_over(home) then
  return { refuse('closed', ',"closedAtMs":' .. string.format('%.0f', home.until_ms)), home.offered }
end
local place = redis.call('ZRANK', home.k.waiting, ARGV[4] .. ' ' .. shopper .. ' 0') or redis.call('ZRANK', home.k.waiting, ARGV[4] .. ' ' .. shopper .. ' 1')
if place then
  outcome = refuse('already-waiting', ',"place":' .. (place + 1))
elseif left_at_home(home) > 0 or not_dry(home) ~= '' then
  -- This is no answer to keep: the same request may be right a moment later.
  return { refuse('still-free'), home.offered }
else
  local waiting = redis.call('ZCARD', home.k.waiting)
  if waiting >= waiting_max then
    outcome = refuse('waitlist-full')
  else
    redis.call('ZADD', home.k.waiting, redis.call('HINCRBY', home.k.pool, 'seq', 1), ARGV[4] .. ' ' .. shopper .. ' ' .. ARGV[6])
    outcome = '{"ok":true,"reply":{' .. about .. ',"place":' .. (waiting + 1) .. '}}'
  end
end
remember(answers, order, request, command, hash, outcome, now, string.format('%.0f', now + forget_ms))
return { outcome, home.offered }
