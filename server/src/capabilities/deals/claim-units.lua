-- Decides a batch of claims, in the order they came: units of one or more deals, all or nothing, become a hold. Everything that a
-- batch can share is read once before and written once behind its claims; a claim by itself reads two keys and writes one.
-- A success is remembered by its hold: the claim's requestId and the hash of its input stand before it, and whoever ends the hold
-- leaves the answer behind (hold-answer.lua).
-- KEYS 1 ledger  2 outbox  3 outbox numbers  4 lapses  5 totals, then for each deal: its slice here, units taken by shopper
-- ARGV 1 number of deals  2 destination of what is announced  3 most holds of one shopper  4 ms after which a rejection may be
--      forgotten  5 abandoned holds that cost the right to hold more than one  6 for how many ms  7 now, what keys of a shopper begin
--      with: 8 answers  9 answers' order  10 holds  11 what was abandoned  12 energy  13 the bell of the holds, then for each deal: id,
--      bell, units granted to this slice in all as home says (0: nothing new), how many units are left at home by its verdict
--      ('': it was not asked), and last the claims as one JSON list: for each shopper, request id, "<hash of the input> <1 if
--      simulated>", hold id, stamp (when it arrived), number of lines, and for each line: which deal (1..), quantity, terms seen ('0': none)
-- Answers, for each claim on a line of one text, its hold as it is kept, its refusal as JSON, 'stale' (its stamp is too far from this Redis's time),
-- 'dry <deal> ...' (this slice has too few of those deals: home is to be asked; nothing was written), 'failed' (it could not be decided;
-- nothing was written) or 'broken' (it failed while it was written; its deals are paused).

-- @include ../../platform/redis/answers.lua
-- @include ../../platform/redis/outbox.lua
-- @include ./pools/pool.lua
-- @include ./terms.lua

local call, concat, tonumber, unpack = redis.call, table.concat, tonumber, unpack
local ledger, outbox, numbers, lapses, totals = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local deal_count, destination, holds_max, forget_ms, abandoned_max, abandoned_ms, now =
  tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local answers_of, order_of, holds_of, abandoned_of, energy_of, bell_of = unpack(ARGV, 8, 13)
local claims = cjson.decode(ARGV[#ARGV])

local STAMP_OLD_MS, STAMP_AHEAD_MS = 2000, 50
-- Whole numbers as text, each written once: a batch has few different stamps, quantities and prices.
local text_of = setmetatable({}, { __index = function(known, number)
  local text = string.format('%.0f', number)
  known[number] = text
  return text
end })
local time = call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)

-- ---- what the batch shares is read once

local deals = {}
for i = 1, deal_count do
  local arg, key = 10 + 4 * i, 4 + 2 * i
  local deal = { id = ARGV[arg], bell = ARGV[arg + 1], verdict = tonumber(ARGV[arg + 3]), slice = KEYS[key], taken = KEYS[key + 1],
    units = 0, by = {}, asking = {}, new = {} }
  local readable, d = pcall(call, 'HMGET', deal.slice, 'free', 't', 'paused', 'na', 'nt', 'held')
  if readable and d[2] then
    if ARGV[arg + 2] ~= '0' then
      accept_grant(deal.slice, ARGV[arg + 2], ledger, 'deal:' .. deal.id, now)
      d[1] = call('HGET', deal.slice, 'free')
    end
    deal.known, deal.free, deal.now_text, deal.paused = true, tonumber(d[1]), d[2], d[3] == '1'
    deal.next_at, deal.next_text = tonumber(d[4]), d[5]
  end
  -- What cannot be counted must not be sold: every claim of it fails before anything is written.
  deal.spoilt = not readable or (deal.known and not (deal.free and tonumber(d[6])))
  deals[i] = deal
end
do
  local at, size = 1, #claims
  while at < size do
    local those, line_count = claims[at], claims[at + 5]
    at = at + 6
    for _ = 1, line_count do
      local asking = deals[claims[at]].asking
      asking[#asking + 1] = those
      at = at + 3
    end
  end
  for i = 1, deal_count do
    local deal = deals[i]
    local asking, by = deal.asking, deal.by
    local readable, found = pcall(call, 'HMGET', deal.taken, unpack(asking))
    for j = 1, #asking do by[asking[j]] = readable and (tonumber(found[j] or '0') or 'unreadable') or 'unreadable' end
  end
end

-- ---- deciding one claim: nothing is written

local shopper, request, head, hold, stamp_text, stamp, line_count, holds, lit
local line_deal, line_quantity, line_terms, line_price, line_currency = {}, {}, {}, {}, {}

local function refuse(why, deal, rest)
  return '{"ok":false,"why":"' .. why .. '","dealId":"' .. deal.id .. '"' .. (rest or '') .. '}'
end

-- The price for this shopper, or nil while the deal is not open to them. Who has a tier's energy comes in with it and pays its
-- price until the deal closes.
local function price_for(terms)
  local best = stamp >= terms.opens and terms.price or nil
  if not terms.early then return best end
  lit = lit or tonumber(call('HGET', energy_of .. shopper, 'energy') or '0')
  for _, tier in ipairs(terms.early) do
    if lit >= tier.energy and stamp >= tier.opens and (not best or tonumber(tier.price) < tonumber(best)) then best = tier.price end
  end
  return best
end

-- Whether the shopper, who has `open` holds, may have one more: nil, or the refusal.
local function refuse_another(open)
  if open >= holds_max then return '{"ok":false,"why":"too-many-holds","holdsMax":' .. holds_max .. '}' end
  if open == 0 then return nil end
  local since = '(' .. text_of[stamp - abandoned_ms]
  local lapsed = call('ZRANGEBYSCORE', abandoned_of .. shopper, since, '+inf', 'WITHSCORES')
  local count = #lapsed / 2
  if count < abandoned_max then return nil end
  local oldest = tonumber(lapsed[(count - abandoned_max) * 2 + 2])
  return '{"ok":false,"why":"one-at-a-time","untilMs":' .. text_of[oldest + abandoned_ms] .. '}'
end

-- Answers the refusal and whether it is remembered, or nil and for how many ms the hold stands.
local function decide(open)
  if redis_ms - stamp > STAMP_OLD_MS or stamp - redis_ms > STAMP_AHEAD_MS then return 'stale', false end
  local another = refuse_another(open)
  if another then return another, false end
  local hold_ms, dry = nil, nil
  for l = 1, line_count do
    local deal, quantity = line_deal[l], line_quantity[l]
    if deal.spoilt then error('the slice of ' .. deal.id .. ' cannot be read') end
    if not deal.known then return refuse('unknown-deal', deal), false end
    local terms = terms_at(deal, stamp)
    local price = price_for(terms)
    if not price then return refuse('not-open-yet', deal, ',"opensAtMs":' .. terms.opens_text), false end
    if stamp >= terms.closes then return refuse('closed', deal, ',"closedAtMs":' .. terms.closes_text), false end
    if deal.paused then return refuse('paused', deal), false end
    if line_terms[l] ~= '0' and line_terms[l] ~= terms.version then return refuse('terms-changed', deal, ',"terms":' .. terms.version), false end
    local taken = deal.by[shopper]
    if taken % 1 ~= 0 then error('what ' .. shopper .. ' took of ' .. deal.id .. ' is no number of units') end
    if taken + quantity > terms.limit then return refuse('limit-reached', deal, ',"limit":' .. terms.limit .. ',"taken":' .. taken), true end
    if deal.free < quantity then
      local left = deal.verdict and deal.free + deal.verdict
      if left == 0 then return refuse('sold-out', deal), true end
      if left and left < quantity then return refuse('not-so-many', deal, ',"left":' .. left), true end
      dry = (dry or 'dry') .. ' ' .. deal.id
    end
    line_price[l], line_currency[l] = price, terms.currency
    if not hold_ms or terms.hold_ms < hold_ms then hold_ms = terms.hold_ms end
  end
  if dry then return dry, false end
  return nil, hold_ms
end

-- The answer that this request was given before: the hold that it made, a refusal that is remembered, or that its id was used
-- for something else. Nil when it is new, and how many holds its shopper has.
local function answered()
  local outcome = recall(answers_of .. shopper, request, 'deals:claim', string.sub(head, 1, -3))
  if outcome then return outcome, 0 end
  local kept = call('HVALS', holds)
  local began = request .. ' '
  for _, text in ipairs(kept) do
    if string.sub(text, 1, #began) == began then
      return string.sub(text, #began + 1, #began + #head) == head and text or REUSED, 0
    end
  end
  return nil, #kept
end

-- Answers the outcome of a claim that writes no hold, and whether it was decided now; or nil and for how many ms its hold stands.
local function settle_claim()
  local outcome, open = answered()
  if outcome then return outcome, false end
  local refusal, more = decide(open)
  if not refusal then return nil, more end
  if more then remember(answers_of .. shopper, order_of .. shopper, request, 'deals:claim', string.sub(head, 1, -3), refusal, stamp, stamp + forget_ms) end
  return refusal, true
end

-- ---- writing one claim: its hold; the rest is gathered for the batch

local due, booked, said, applied = {}, {}, {}, {}
local function none_counted() return { claims = 0, holds = 0, units = 0, heldMinor = 0 } end
local of_people, of_crowd = none_counted(), none_counted()

-- Nothing in here may refuse any more. Answers the hold as it is kept.
local function apply(hold_ms)
  local until_ms = text_of[stamp + hold_ms]
  local shown, lines, units, minor = '', '', 0, 0
  for l = 1, line_count do
    local deal, quantity, price = line_deal[l], line_quantity[l], line_price[l]
    local quantity_text = text_of[quantity]
    shown = shown .. (l > 1 and ',{"dealId":"' or '{"dealId":"') .. deal.id .. '","quantity":' .. quantity_text .. ',"priceMinor":' .. price
      .. ',"currency":"' .. line_currency[l] .. '"}'
    lines = lines .. (l > 1 and ';' or '') .. deal.id .. ' ' .. quantity_text .. ' ' .. price
    units, minor = units + quantity, minor + quantity * tonumber(price)
  end
  local text = request .. ' ' .. head .. ' {"holdId":"' .. hold .. '","kind":"hold","paymentId":null,"lines":[' .. shown
    .. '],"claimedAtMs":' .. stamp_text .. ',"lapsesAtMs":' .. until_ms .. '}'
  local at = #booked + 1
  local member, crowd = shopper .. ' ' .. hold, string.sub(head, -1) == '1'
  call('HSET', holds, hold, text)
  due[2 * at - 1], due[2 * at] = until_ms, member
  for l = 1, line_count do
    local deal, quantity = line_deal[l], line_quantity[l]
    local taken, new = deal.by[shopper] + quantity, deal.new
    deal.free, deal.units, deal.by[shopper] = deal.free - quantity, deal.units + quantity, taken
    new[#new + 1] = shopper
    new[#new + 1] = text_of[taken]
  end
  booked[at] = member .. ' ' .. stamp_text .. (crowd and ' 1 ' or ' 0 ') .. lines
  said[at] = '{"shopperId":"' .. shopper .. '","holdId":"' .. hold .. '","atMs":' .. stamp_text .. (crowd and ',"simulated":true}' or ',"simulated":false}')
  local counted = crowd and of_crowd or of_people
  counted.holds, counted.units, counted.heldMinor = counted.holds + 1, counted.units + units, counted.heldMinor + minor
  call('SPUBLISH', bell_of .. shopper, '')
  return text
end

-- Half a write may stand: nobody may claim these deals until a person has looked (CONSISTENCY.md 3).
local function stop_deal(deal, failure)
  redis.pcall('HSET', deal.slice, 'paused', 1, 'pausedWhy', 'a claim failed while it was written: ' .. tostring(failure))
end

local function write_batch()
  call('ZADD', lapses, unpack(due))
  local at = call('XADD', ledger, '*', 'e', 'claims', 't', now, 'claims', concat(booked, '\n'))
  announce(outbox, numbers, destination, 'deals.claimed', '[' .. concat(said, ',') .. ']')
  for _, deal in ipairs(deals) do
    if deal.units > 0 then
      call('HSET', deal.taken, unpack(deal.new))
      call('HINCRBY', deal.slice, 'free', text_of[-deal.units])
      call('HINCRBY', deal.slice, 'held', text_of[deal.units])
      call('HSET', deal.slice, 'at', at)
      call('SPUBLISH', deal.bell, '')
    end
  end
end

-- ---- the claims, one after the other

local outcomes, count = {}, 0
local at, size = 1, #claims
while at < size do
  shopper, request, head, hold, stamp_text, line_count = unpack(claims, at, at + 5)
  stamp, holds, lit = tonumber(stamp_text), holds_of .. shopper, nil
  at = at + 6
  for l = 1, line_count do
    line_deal[l], line_quantity[l], line_terms[l] = deals[claims[at]], claims[at + 1], claims[at + 2]
    at = at + 3
  end
  count = count + 1
  -- Also what is read of this shopper alone may be unreadable: that must not undo the claims that came before it in this batch.
  local fine, outcome, more = pcall(settle_claim)
  if not fine then
    outcome, more = 'failed', true
  elseif not outcome then
    local written, text = pcall(apply, more)
    if written then
      outcome = text
      applied[#applied + 1] = count
    else
      for l = 1, line_count do stop_deal(line_deal[l], text) end
      outcome = 'broken'
    end
  end
  -- An answer given again is not counted again, and a claim that goes on to home comes back and is counted then.
  if more and string.sub(outcome, 1, 4) ~= 'dry ' then
    local counted = string.sub(head, -1) == '1' and of_crowd or of_people
    counted.claims = counted.claims + 1
  end
  outcomes[count] = outcome
end

if #applied > 0 then
  local written, failure = pcall(write_batch)
  if not written then
    for _, deal in ipairs(deals) do
      if deal.units > 0 then stop_deal(deal, failure) end
    end
    -- Nobody was told of these holds, so nobody is to find them. Whatever else stands is evidence, and the laws show it.
    for i = 2, #due, 2 do
      local of, id = string.match(due[i], '^(%S+) (%S+)$')
      redis.pcall('HDEL', holds_of .. of, id)
      redis.pcall('ZREM', lapses, due[i])
    end
    for _, which in ipairs(applied) do outcomes[which] = 'broken' end
  end
end
local function add_up(counted, of)
  for what, sum in pairs(counted) do
    -- A figure for the wall must not undo the answers of claims that stand.
    if sum > 0 then redis.pcall('HINCRBY', totals, what .. of, text_of[sum]) end
  end
end
add_up(of_people, '')
add_up(of_crowd, ':sim')
return concat(outcomes, '\n')
