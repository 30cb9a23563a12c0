-- Opens packets for a batch of shoppers: each is decided on its own, in the order in which they came.
-- KEYS: 1 ledger, 2 totals, 3 outbox, 4 outbox numbers; for each drop: the drop, its amounts, who opened;
--   for each shopper: answers, order of answers, wallet, last packets.
-- ARGV: 1 now (ms), 2 until when a rejection is kept (ms), 3 how many drops, 4 how old and
--   5 how far ahead of this Redis's time a stamp may be (ms); for each drop: its id, its bell; for each shopper: request id, hash of the input, which of the drops (from 1),
--   shopper id, when the tap arrived (ms), 1 for the demo's crowd or 0, the shopper's own bell, where energy hears of it.
-- Answers a text for each shopper: the outcome as JSON, `stale` (its stamp is too far from this Redis's time), `unstaged`,
--   `broken`, or `!` and the words of a failure.
-- @include ../../platform/redis/answers.lua
-- @include ../../platform/redis/outbox.lua

local ledger, totals, outbox, numbers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, rejections_until, drop_count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local stamp_old_ms, stamp_ahead_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local COMMAND = 'redpackets:open'
local PACKETS_SHOWN = 50
local first_call_key, first_call_arg = 4 + 3 * drop_count, 5 + 2 * drop_count

local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local function words_of(failure)
  return type(failure) == 'table' and failure.err or tostring(failure)
end

-- Reads only. What is to be written is in the plan; an outcome without one changes nothing but, perhaps, what is remembered.
local function decide(call)
  local outcome = recall(call.answers, call.request_id, COMMAND, call.input_hash)
  if outcome then return { outcome = outcome } end
  -- The stamp decides, so a node whose time is wrong or whose call was long on its way must not decide with it.
  local age = redis_ms - tonumber(call.at)
  if age > stamp_old_ms or -age > stamp_ahead_ms then return { outcome = 'stale' } end

  local drop = redis.call('HMGET', call.drop, 'state', 'opensAt', 'closesAt', 'retiresAt', 'packets', 'currency',
    'opened', 'revealed', 'title')
  local state, opens_at, closes_at, retires_at, packets, currency, opened, revealed, title = unpack(drop)
  if state == 'broken' then return { outcome = 'broken' } end
  if state ~= 'ready' then return { outcome = 'unstaged' } end
  if tonumber(call.at) < tonumber(opens_at) then
    return { outcome = '{"ok":false,"why":"not-open-yet","opensAtMs":' .. opens_at .. '}' }
  end
  -- Once the seed has been told, what is left is known, so nobody draws from it any more whatever the stamp says.
  if tonumber(call.at) >= tonumber(closes_at) or revealed then
    return { outcome = '{"ok":false,"why":"closed","closedAtMs":' .. closes_at .. '}' }
  end

  local before = redis.call('HGET', call.opened, call.shopper)
  if before then
    local index, amount = string.match(before, '^(%d+) (%d+) ')
    return { keep = true, outcome = '{"ok":false,"why":"already-opened","amountMinor":' .. amount .. ',"index":' .. index .. '}' }
  end
  if tonumber(opened) >= tonumber(packets) then
    return { keep = true, outcome = '{"ok":false,"why":"all-opened"}' }
  end

  local amount = redis.call('LINDEX', call.amounts, 0)
  if not amount or not string.match(amount, '^%d+$') then
    error('drop ' .. call.drop_id .. ' has opened ' .. opened .. ' of ' .. packets .. ' and its next amount is ' .. tostring(amount))
  end
  return { keep = true, amount = amount, index = opened, currency = currency, title = title, retires_at = retires_at }
end

local function open(call, plan)
  local amount, index = plan.amount, plan.index
  redis.call('LPOP', call.amounts)
  redis.call('HINCRBY', call.drop, 'opened', 1)
  redis.call('HINCRBY', call.drop, 'openedMinor', amount)
  redis.call('HSET', call.opened, call.shopper, index .. ' ' .. amount .. ' ' .. call.at)
  redis.call('HINCRBY', call.wallet, 'minor', amount)
  local line = redis.call('XADD', ledger, '*', 'e', 'packet-opened', 't', call.at, 'drop', call.drop_id,
    'shopper', call.shopper, 'i', index, 'amount', amount, 'sim', call.sim)
  redis.call('HSET', call.drop, 'at', line)
  redis.call('HSET', call.wallet, 'at', line)
  redis.call('LPUSH', call.packets, '{"dropId":"' .. call.drop_id .. '","title":' .. plan.title .. ',"amountMinor":' ..
    amount .. ',"index":' .. index .. ',"openedAtMs":' .. call.at .. '}')
  redis.call('LTRIM', call.packets, 0, PACKETS_SHOWN - 1)
  local crowd = call.sim == '1' and ':sim' or ''
  redis.call('HINCRBY', totals, 'packets' .. crowd, 1)
  redis.call('HINCRBY', totals, 'packetsMinor' .. crowd, amount)
  announce(outbox, numbers, call.energy, 'redpackets.opened', '{"shopperId":"' .. call.shopper .. '","dropId":"' ..
    call.drop_id .. '","atMs":' .. call.at .. ',"simulated":' .. (call.sim == '1' and 'true' or 'false') .. '}')
  redis.call('SPUBLISH', call.drop_bell, '')
  redis.call('SPUBLISH', call.own_bell, '')
  plan.outcome = '{"ok":true,"reply":{"amountMinor":' .. amount .. ',"currency":"' .. plan.currency ..
    '","index":' .. index .. ',"walletMinor":' .. redis.call('HGET', call.wallet, 'minor') .. '}}'
end

local function apply(call, plan)
  if plan.amount then open(call, plan) end
  if plan.keep then
    remember(call.answers, call.order, call.request_id, COMMAND, call.input_hash, plan.outcome, now,
      plan.amount and plan.retires_at or rejections_until)
  end
end

local outcomes = {}
for n = 1, (#ARGV - first_call_arg) / 8 do
  local key, arg = first_call_key + 4 * (n - 1), first_call_arg + 8 * (n - 1)
  local which = tonumber(ARGV[arg + 3])
  local call = {
    answers = KEYS[key + 1], order = KEYS[key + 2], wallet = KEYS[key + 3], packets = KEYS[key + 4],
    request_id = ARGV[arg + 1], input_hash = ARGV[arg + 2], shopper = ARGV[arg + 4], at = ARGV[arg + 5],
    sim = ARGV[arg + 6], own_bell = ARGV[arg + 7], energy = ARGV[arg + 8],
    drop = KEYS[3 * which + 2], amounts = KEYS[3 * which + 3], opened = KEYS[3 * which + 4],
    drop_id = ARGV[2 * which + 4], drop_bell = ARGV[2 * which + 5],
  }
  local decided, plan = pcall(decide, call)
  if not decided then
    outcomes[n] = '!' .. words_of(plan)
  else
    local applied, failure = pcall(apply, call, plan)
    if applied then
      outcomes[n] = plan.outcome
    else
      -- Half an opening cannot be undone here: the drop stands still, the tap is named, the others go on.
      redis.pcall('HSET', call.drop, 'state', 'broken')
      outcomes[n] = '!drop ' .. call.drop_id .. ' stopped at the tap of ' .. call.shopper .. ': ' .. words_of(failure)
    end
  end
end
return outcomes
