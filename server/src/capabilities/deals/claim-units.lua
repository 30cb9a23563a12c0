-- Decides a batch of claims, in the order they came: units of one or more deals, all or nothing, become a hold.
-- KEYS 1 ledger  2 outbox  3 outbox numbers  4 lapses  5 totals, then for each deal: its slice here, units taken by shopper,
--      then for each claim: answers, answers' order, holds of the shopper, what the shopper abandoned, the shopper's energy
-- ARGV 1 number of deals  2 number of claims  3 destination of what is announced  4 most holds of one shopper
--      5 ms after which a rejection may be forgotten  6 abandoned holds that cost the right to hold more than one  7 for how many ms
--      8 now, then for each deal: id, bell, units granted to this slice in all as home says (0: nothing new), how many
--      units are left at home by its verdict ('': it was not asked), then for each claim: shopper, request id, hash of the input,
--      hold id, stamp (when it arrived), 1 if simulated, bell of the shopper's holds, number of lines, and for each line:
--      which deal (1..), quantity, terms seen (0: none)
-- Answers, for each claim, its outcome as JSON, 'stale' (its stamp is too far from this Redis's time), 'dry <deal> ...' (this slice
-- has too few of those deals: home is to be asked; nothing was written), 'failed' (it could not be decided; nothing was
-- written) or 'broken' (it failed while it was written; its deals are paused).

-- @include ../../platform/redis/answers.lua
-- @include ../../platform/redis/outbox.lua
-- @include ./pools/pool.lua
-- @include ./terms.lua

local ledger, outbox, numbers, lapses, totals = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local deal_count, claim_count, destination, holds_max, forget_ms, abandoned_max, abandoned_ms, now =
  tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]

local STAMP_OLD_MS, STAMP_AHEAD_MS = 2000, 50
local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)

-- A deal is read once for the batch; what claims take of it is counted here and written once behind the last of them.
local deals = {}
local arg, key = 9, 6
for i = 1, deal_count do
  local deal = { id = ARGV[arg], bell = ARGV[arg + 1], verdict = tonumber(ARGV[arg + 3]), slice = KEYS[key], taken = KEYS[key + 1], units = 0 }
  local readable, d = pcall(redis.call, 'HMGET', deal.slice, 'free', 't', 'paused', 'na', 'nt', 'held')
  if readable and d[2] then
    if ARGV[arg + 2] ~= '0' then
      accept_grant(deal.slice, ARGV[arg + 2], ledger, 'deal:' .. deal.id, now)
      d[1] = redis.call('HGET', deal.slice, 'free')
    end
    deal.known, deal.free, deal.now_text, deal.paused = true, tonumber(d[1]), d[2], d[3] == '1'
    deal.next_at, deal.next_text = tonumber(d[4]), d[5]
  end
  -- What cannot be counted must not be sold: every claim of it fails before anything is written.
  deal.spoilt = not readable or (deal.known and not (deal.free and tonumber(d[6])))
  deals[i] = deal
  arg, key = arg + 4, key + 2
end

local function refuse(why, deal, rest)
  return '{"ok":false,"why":"' .. why .. '","dealId":"' .. deal.id .. '"' .. (rest or '') .. '}'
end

-- The price for this shopper, or nil while the deal is not open to them. Who has a tier's energy comes in with it and pays its
-- price until the deal closes.
local function price_for(claim, terms)
  local best = claim.stamp >= terms.opens and terms.price or nil
  if not terms.early then return best end
  claim.lit = claim.lit or tonumber(redis.call('HGET', claim.energy, 'energy') or '0')
  for _, tier in ipairs(terms.early) do
    if claim.lit >= tier.energy and claim.stamp >= tier.opens and (not best or tonumber(tier.price) < tonumber(best)) then best = tier.price end
  end
  return best
end

-- Whether the shopper may hold one more: nil, or the refusal.
local function refuse_another(claim)
  local open = redis.call('HLEN', claim.holds)
  if open >= holds_max then return '{"ok":false,"why":"too-many-holds","holdsMax":' .. holds_max .. '}' end
  if open == 0 then return nil end
  local lapsed = redis.call('ZRANGEBYSCORE', claim.abandoned, '(' .. string.format('%.0f', claim.stamp - abandoned_ms), '+inf', 'WITHSCORES')
  local count = #lapsed / 2
  if count < abandoned_max then return nil end
  local oldest = tonumber(lapsed[(count - abandoned_max) * 2 + 2])
  return '{"ok":false,"why":"one-at-a-time","untilMs":' .. string.format('%.0f', oldest + abandoned_ms) .. '}'
end

-- Reads only. Answers the refusal and whether it is remembered, or nil and what is to be written.
local function decide(claim)
  if redis_ms - claim.stamp > STAMP_OLD_MS or claim.stamp - redis_ms > STAMP_AHEAD_MS then return 'stale', false end
  local another = refuse_another(claim)
  if another then return another, false end
  local hold_ms, dry = nil, nil
  for _, line in ipairs(claim.lines) do
    local deal = deals[line.deal]
    if deal.spoilt then error('the slice of ' .. deal.id .. ' cannot be read') end
    if not deal.known then return refuse('unknown-deal', deal), false end
    local terms = terms_at(deal, claim.stamp)
    local price = price_for(claim, terms)
    if not price then return refuse('not-open-yet', deal, ',"opensAtMs":' .. terms.opens_text), false end
    if claim.stamp >= terms.closes then return refuse('closed', deal, ',"closedAtMs":' .. terms.closes_text), false end
    if deal.paused then return refuse('paused', deal), false end
    if line.terms ~= '0' and line.terms ~= terms.version then return refuse('terms-changed', deal, ',"terms":' .. terms.version), false end
    local taken = tonumber(redis.call('HGET', deal.taken, claim.shopper) or '0')
    if taken + line.quantity > terms.limit then
      return refuse('limit-reached', deal, ',"limit":' .. terms.limit .. ',"taken":' .. taken), true
    end
    if deal.free < line.quantity then
      local left = deal.verdict and deal.free + deal.verdict
      if left == 0 then return refuse('sold-out', deal), true end
      if left and left < line.quantity then return refuse('not-so-many', deal, ',"left":' .. left), true end
      dry = (dry or 'dry') .. ' ' .. deal.id
    end
    line.price, line.currency = price, terms.currency
    hold_ms = math.min(hold_ms or terms.hold_ms, terms.hold_ms)
  end
  if dry then return dry, false end
  claim.lapses = string.format('%.0f', claim.stamp + hold_ms)
  return nil, true
end

local counted = { claims = 0, holds = 0, units = 0, heldMinor = 0, ['claims:sim'] = 0, ['holds:sim'] = 0, ['units:sim'] = 0, ['heldMinor:sim'] = 0 }

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
    deal.free, deal.units, deal.at = deal.free - line.quantity, deal.units + line.quantity, at
    redis.call('HINCRBY', deal.taken, claim.shopper, line.quantity)
  end
  local hold = '{"holdId":"' .. claim.hold .. '","kind":"hold","paymentId":null,"lines":[' .. table.concat(shown, ',')
    .. '],"claimedAtMs":' .. claim.stamp_text .. ',"lapsesAtMs":' .. claim.lapses .. '}'
  redis.call('HSET', claim.holds, claim.hold, claim.request .. ' ' .. claim.sim .. ' ' .. hold)
  redis.call('ZADD', lapses, claim.lapses, claim.shopper .. ' ' .. claim.hold)
  local suffix = claim.sim == '1' and ':sim' or ''
  counted['holds' .. suffix] = counted['holds' .. suffix] + 1
  counted['units' .. suffix] = counted['units' .. suffix] + units
  counted['heldMinor' .. suffix] = counted['heldMinor' .. suffix] + minor
  announce(outbox, numbers, destination, 'deals.claimed', '{"shopperId":"' .. claim.shopper .. '","holdId":"' .. claim.hold
    .. '","atMs":' .. claim.stamp_text .. ',"simulated":' .. (claim.sim == '1' and 'true' or 'false') .. '}')
  redis.call('SPUBLISH', claim.bell, '')
  return '{"ok":true,"reply":' .. hold .. '}'
end

-- Half a write may stand: nobody may claim this deal until a person has looked (CONSISTENCY.md 3).
local function stop_deal(deal, failure)
  redis.pcall('HSET', deal.slice, 'paused', 1, 'pausedWhy', 'a claim failed while it was written: ' .. tostring(failure))
end

local answers = {}
for i = 1, claim_count do
  local claim = {
    shopper = ARGV[arg], request = ARGV[arg + 1], hash = ARGV[arg + 2], hold = ARGV[arg + 3], stamp_text = ARGV[arg + 4],
    stamp = tonumber(ARGV[arg + 4]), sim = ARGV[arg + 5], bell = ARGV[arg + 6], lines = {},
    answers = KEYS[key], order = KEYS[key + 1], holds = KEYS[key + 2], abandoned = KEYS[key + 3], energy = KEYS[key + 4],
  }
  local line_count = tonumber(ARGV[arg + 7])
  arg, key = arg + 8, key + 5
  for l = 1, line_count do
    claim.lines[l] = { deal = tonumber(ARGV[arg]), quantity = tonumber(ARGV[arg + 1]), terms = ARGV[arg + 2] }
    arg = arg + 3
  end
  local outcome = recall(claim.answers, claim.request, 'deals:claim', claim.hash)
  if not outcome then
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
        for _, line in ipairs(claim.lines) do stop_deal(deals[line.deal], answer) end
        outcome = 'broken'
      end
    end
    -- A claim that goes on to home comes back and is counted then.
    if string.sub(outcome, 1, 4) ~= 'dry ' then
      local what = claim.sim == '1' and 'claims:sim' or 'claims'
      counted[what] = counted[what] + 1
    end
  end
  answers[i] = outcome
end
for _, deal in ipairs(deals) do
  if deal.units > 0 then
    local written, failure = pcall(function()
      redis.call('HINCRBY', deal.slice, 'free', -deal.units)
      redis.call('HINCRBY', deal.slice, 'held', deal.units)
      redis.call('HSET', deal.slice, 'at', deal.at)
    end)
    if not written then stop_deal(deal, failure) end
    redis.call('SPUBLISH', deal.bell, '')
  end
end
for what, sum in pairs(counted) do
  -- A figure for the wall must not undo the answers of claims that stand.
  if sum > 0 then redis.pcall('HINCRBY', totals, what, string.format('%.0f', sum)) end
end
return answers
