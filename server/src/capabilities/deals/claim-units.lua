-- Decides a batch of claims, in the order they came: units of one or more deals, all or nothing, become a hold.
-- KEYS 1 ledger  2 outbox  3 outbox numbers  4 lapses  5 totals, then for each deal: deal, units taken by shopper,
--      then for each claim: answers, answers' order, holds of the shopper
-- ARGV 1 number of deals  2 number of claims  3 destination of what is announced  4 most holds of one shopper
--      5 ms after which a rejection may be forgotten, then for each deal: id, bell, then for each claim: shopper, request
--      id, hash of the input, hold id, stamp (when it arrived), 1 if simulated, bell of the shopper's holds, number of lines,
--      and for each line: which deal (1..), quantity, terms seen (0: none)
-- Answers, for each claim, its outcome as JSON, 'stale' (its stamp is too far from this Redis's time), 'failed'
-- (it could not be decided; nothing was written) or 'broken' (it failed while it was written; its deals are paused).

-- @include ../../platform/redis/answers.lua
-- @include ../../platform/redis/outbox.lua

local ledger, outbox, numbers, lapses, totals = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local deal_count, claim_count, destination, holds_max, forget_ms =
  tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local STAMP_OLD_MS, STAMP_AHEAD_MS = 2000, 50
local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local deals = {}
local arg, key = 6, 6
for i = 1, deal_count do
  deals[i] = { id = ARGV[arg], bell = ARGV[arg + 1], key = KEYS[key], taken = KEYS[key + 1], touched = false }
  arg, key = arg + 2, key + 2
end

local function refuse(why, deal, rest)
  return '{"ok":false,"why":"' .. why .. '","dealId":"' .. deal.id .. '"' .. (rest or '') .. '}'
end

-- Reads only. Answers the refusal and whether it is remembered, or nil and what is to be written.
local function decide(claim)
  if redis_ms - claim.stamp > STAMP_OLD_MS or claim.stamp - redis_ms > STAMP_AHEAD_MS then return 'stale', false end
  if redis.call('HLEN', claim.holds) >= holds_max then
    return '{"ok":false,"why":"too-many-holds","holdsMax":' .. holds_max .. '}', false
  end
  local hold_ms = nil
  for _, line in ipairs(claim.lines) do
    local deal = deals[line.deal]
    local d = redis.call('HMGET', deal.key, 'free', 'limit', 'opens', 'closes', 'price', 'currency', 'holdMs', 'terms', 'paused')
    if not d[1] then return refuse('unknown-deal', deal), false end
    if claim.stamp < tonumber(d[3]) then return refuse('not-open-yet', deal, ',"opensAtMs":' .. d[3]), false end
    if claim.stamp >= tonumber(d[4]) then return refuse('closed', deal, ',"closedAtMs":' .. d[4]), false end
    if d[9] == '1' then return refuse('paused', deal), false end
    if line.terms ~= '0' and line.terms ~= d[8] then return refuse('terms-changed', deal, ',"terms":' .. d[8]), false end
    local taken = tonumber(redis.call('HGET', deal.taken, claim.shopper) or '0')
    if taken + line.quantity > tonumber(d[2]) then
      return refuse('limit-reached', deal, ',"limit":' .. d[2] .. ',"taken":' .. taken), true
    end
    if tonumber(d[1]) < line.quantity then return refuse('sold-out', deal), true end
    line.price, line.currency = d[5], d[6]
    hold_ms = math.min(hold_ms or tonumber(d[7]), tonumber(d[7]))
  end
  claim.lapses = string.format('%.0f', claim.stamp + hold_ms)
  return nil, true
end

-- Writes what was decided. Nothing in here may refuse any more.
local function apply(claim)
  local shown, booked, units, minor = {}, {}, 0, 0
  for i, line in ipairs(claim.lines) do
    local deal = deals[line.deal]
    shown[i] = '{"dealId":"' .. deal.id .. '","quantity":' .. line.quantity .. ',"priceMinor":' .. line.price
      .. ',"currency":"' .. line.currency .. '"}'
    booked[i] = deal.id .. ' ' .. line.quantity .. ' ' .. line.price
    units = units + line.quantity
    minor = minor + line.quantity * tonumber(line.price)
  end
  local at = redis.call('XADD', ledger, '*', 'e', 'claimed', 't', claim.stamp_text, 'shopper', claim.shopper, 'hold', claim.hold,
    'lines', table.concat(booked, ';'), 'sim', claim.sim)
  for _, line in ipairs(claim.lines) do
    local deal = deals[line.deal]
    redis.call('HINCRBY', deal.key, 'free', -line.quantity)
    redis.call('HINCRBY', deal.key, 'held', line.quantity)
    redis.call('HSET', deal.key, 'at', at)
    redis.call('HINCRBY', deal.taken, claim.shopper, line.quantity)
    deal.touched = true
  end
  local hold = '{"holdId":"' .. claim.hold .. '","lines":[' .. table.concat(shown, ',') .. '],"claimedAtMs":' .. claim.stamp_text
    .. ',"lapsesAtMs":' .. claim.lapses .. '}'
  redis.call('HSET', claim.holds, claim.hold, claim.request .. ' ' .. claim.sim .. ' ' .. hold)
  redis.call('ZADD', lapses, claim.lapses, claim.shopper .. ' ' .. claim.hold)
  local suffix = claim.sim == '1' and ':sim' or ''
  redis.call('HINCRBY', totals, 'holds' .. suffix, 1)
  redis.call('HINCRBY', totals, 'units' .. suffix, units)
  redis.call('HINCRBY', totals, 'heldMinor' .. suffix, string.format('%.0f', minor))
  announce(outbox, numbers, destination, 'deals.claimed', '{"shopperId":"' .. claim.shopper .. '","holdId":"' .. claim.hold
    .. '","atMs":' .. claim.stamp_text .. ',"simulated":' .. (claim.sim == '1' and 'true' or 'false') .. '}')
  redis.call('SPUBLISH', claim.bell, '')
  return '{"ok":true,"reply":' .. hold .. '}'
end

local answers = {}
for i = 1, claim_count do
  local claim = {
    shopper = ARGV[arg], request = ARGV[arg + 1], hash = ARGV[arg + 2], hold = ARGV[arg + 3], stamp_text = ARGV[arg + 4],
    stamp = tonumber(ARGV[arg + 4]), sim = ARGV[arg + 5], bell = ARGV[arg + 6], lines = {},
    answers = KEYS[key], order = KEYS[key + 1], holds = KEYS[key + 2],
  }
  local line_count = tonumber(ARGV[arg + 7])
  arg, key = arg + 8, key + 3
  for l = 1, line_count do
    claim.lines[l] = { deal = tonumber(ARGV[arg]), quantity = tonumber(ARGV[arg + 1]), terms = ARGV[arg + 2] }
    arg = arg + 3
  end
  local outcome = recall(claim.answers, claim.request, 'deals:claim', claim.hash)
  if not outcome then
    redis.call('HINCRBY', totals, claim.sim == '1' and 'claims:sim' or 'claims', 1)
    local fine, refusal, remembered = pcall(decide, claim)
    if not fine then
      outcome = 'failed'
    elseif refusal then
      outcome = refusal
      if remembered then remember(claim.answers, claim.order, claim.request, 'deals:claim', claim.hash, outcome, claim.stamp, claim.stamp + forget_ms) end
    else
      local applied, answer = pcall(apply, claim)
      if applied then
        outcome = answer
        remember(claim.answers, claim.order, claim.request, 'deals:claim', claim.hash, outcome, claim.stamp, '+inf')
      else
        -- Half a write may stand: nobody may claim these deals until a person has looked (CONSISTENCY.md 3).
        for _, line in ipairs(claim.lines) do redis.call('HSET', deals[line.deal].key, 'paused', 1, 'pausedWhy', 'a claim failed while it was written: ' .. tostring(answer)) end
        outcome = 'broken'
      end
    end
  end
  answers[i] = outcome
end
for _, deal in ipairs(deals) do
  if deal.touched then redis.call('SPUBLISH', deal.bell, '') end
end
return answers
