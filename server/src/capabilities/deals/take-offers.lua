-- Receives units that home offers to the next in line (announced as deals.offered), in their order, each once: each becomes
-- a hold of kind offer, which lapses like any other unless it is accepted. Whoever took all they may of the deal meanwhile, or comes
-- when it has closed, is passed over: the unit goes back at once.
-- KEYS 1 cursors  2 ledger  3 lapses  4 totals, then for each offer: slice, units taken by shopper, holds of the shopper
-- ARGV 1 source  2 now  3 ms for which an offer stands, then for each offer: its number, deal id, shopper, hold id, 1 if simulated,
--      bell of the deal, bell of the shopper's holds
-- Answers 'applied' and the pools that have units on their way home, or 'gap' where an earlier one is missing.

-- @include ../../platform/redis/cursor.lua
-- @include ./pools/pool.lua
-- @include ./terms.lua

local cursors, ledger, lapses, totals = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local source, now, offer_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local home = {}

local function offer(slice, taken, holds, deal, shopper, hold, sim, bell, mine)
  -- Who was staging the deal may have died before it came to this slice: made empty and closed, it sends the unit home again.
  open_slice(slice)
  local d = redis.call('HMGET', slice, 't', 'na', 'nt')
  redis.call('HINCRBY', slice, 'o', 1)
  local terms = d[1] and terms_at({ now_text = d[1], next_at = tonumber(d[2]), next_text = d[3] }, tonumber(now))
  local took = tonumber(redis.call('HGET', taken, shopper) or '0')
  if not terms or tonumber(now) >= terms.closes or took + 1 > terms.limit then
    local bound = give_back(slice, 1)
    if bound then home[#home + 1] = 'deal:' .. deal end
    local at = redis.call('XADD', ledger, '*', 'e', 'offer-passed', 't', now, 'pool', 'deal:' .. deal, 'shopper', shopper, 'home', bound and 'deal:' .. deal or '')
    redis.call('HSET', slice, 'at', at)
    redis.call('SPUBLISH', bell, '')
    return
  end
  local lapses_at = string.format('%.0f', math.min(tonumber(now) + offer_ms, terms.closes))
  local at = redis.call('XADD', ledger, '*', 'e', 'offered', 't', now, 'shopper', shopper, 'hold', hold,
    'lines', deal .. ' 1 ' .. terms.price, 'sim', sim)
  redis.call('HINCRBY', slice, 'held', 1)
  redis.call('HSET', slice, 'at', at)
  redis.call('HINCRBY', taken, shopper, 1)
  redis.call('HSET', holds, hold, '- - ' .. sim .. ' {"holdId":"' .. hold .. '","kind":"offer","paymentId":null,"lines":[{"dealId":"' .. deal
    .. '","quantity":1,"priceMinor":' .. terms.price .. ',"currency":"' .. terms.currency .. '"}],"claimedAtMs":' .. now
    .. ',"lapsesAtMs":' .. lapses_at .. '}')
  redis.call('ZADD', lapses, lapses_at, shopper .. ' ' .. hold)
  redis.call('HINCRBY', totals, sim == '1' and 'offers:sim' or 'offers', 1)
  redis.call('SPUBLISH', bell, '')
  redis.call('SPUBLISH', mine, '')
end

local key = 5
for arg = 4, #ARGV, 7 do
  local number, deal, shopper, hold, sim, bell, mine = unpack(ARGV, arg, arg + 6)
  local arrival = arrive(cursors, source, tonumber(number))
  if arrival == 'gap' then return { 'gap', table.concat(home, ',') } end
  if arrival == 'next' then offer(KEYS[key], KEYS[key + 1], KEYS[key + 2], deal, shopper, hold, sim, bell, mine) end
  key = key + 3
end
return { 'applied', table.concat(home, ',') }
