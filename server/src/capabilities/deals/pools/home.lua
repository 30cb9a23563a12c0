-- Home's side of a pool (CONSISTENCY.md 21 and 22): it alone grants units to slices and says that there are none left.
-- A home is a hash with total, target (what total is to become: less than total while units that are to go are still out),
-- free, and for each partition k, beside counters that only grow: G:k (units granted to slice k), R:k (units taken back from
-- it), O:k (units offered to shoppers there), and D:k, the greatest g at which slice k said that it was closed and empty.
-- Always total = free + sum over k of (G - R + O). until: from then on (ms, 0 is never) nobody waits any more.
-- Units are small whole numbers, so Lua's numbers are exact.
-- Every script that includes this begins with the same keys: KEYS 1 pool  2 those who wait  3 ledger  4 outbox  5 outbox numbers,
-- and the same arguments: ARGV 1 pool id  2 now  3 number of partitions.

-- @include ../../../platform/redis/outbox.lua

-- One call makes at most this many offers, so that a restock with a long line does not hold up everyone else; the sweep
-- goes on where a call stopped, and until then those units are counted as owed to the line.
local OFFERS_MAX = 500

-- All that a decision reads, or nil for a pool that is not there.
local function read_home()
  local k = { pool = KEYS[1], waiting = KEYS[2], ledger = KEYS[3], outbox = KEYS[4], numbers = KEYS[5] }
  local pool_id, now, partitions = ARGV[1], ARGV[2], tonumber(ARGV[3])
  local flat = redis.call('HGETALL', k.pool)
  if #flat == 0 then return nil end
  local h = {}
  for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
  local home = { k = k, id = pool_id, partitions = partitions, now = now, paused = h.paused == '1', until_ms = tonumber(h['until'] or '0'),
    total = tonumber(h.total), target = tonumber(h.target), free = tonumber(h.free), G = {}, R = {}, O = {}, D = {}, offered = 0 }
  for p = 0, partitions - 1 do
    home.G[p], home.R[p], home.O[p] = tonumber(h['G:' .. p] or '0'), tonumber(h['R:' .. p] or '0'), tonumber(h['O:' .. p] or '0')
    home.D[p] = tonumber(h['D:' .. p] or '-1')
  end
  return home
end

local function home_line(home, event, ...)
  local at = redis.call('XADD', home.k.ledger, '*', 'e', event, 't', home.now, 'pool', home.id, ...)
  redis.call('HSET', home.k.pool, 'at', at)
end

local function change_free(home, units)
  home.free = home.free + units
  redis.call('HINCRBY', home.k.pool, 'free', units)
end

local function change_total(home, units)
  home_line(home, 'pool-restocked', 'units', units)
  home.total = home.total + units
  redis.call('HINCRBY', home.k.pool, 'total', units)
  change_free(home, units)
end

local function is_over(home)
  return home.until_ms ~= 0 and tonumber(home.now) >= home.until_ms
end

local function may_offer(home)
  return not home.paused and not is_over(home)
end

-- What is free goes first to where it is owed: out of a pool that is to become smaller, then to those who wait, in order.
local function settle(home)
  local surplus = math.min(home.total - home.target, home.free)
  if surplus > 0 then change_total(home, -surplus) end
  -- A line outlives nothing: it may be long, and its deal is kept as long as anyone owns of it.
  if is_over(home) then redis.call('UNLINK', home.k.waiting) end
  while home.free > 0 and home.offered < OFFERS_MAX and may_offer(home) do
    local head = redis.call('ZPOPMIN', home.k.waiting)[1]
    if not head then return end
    local p, shopper, simulated = string.match(head, '^(%d+) (%S+) ([01])$')
    home_line(home, 'pool-offered', 'k', p, 'shopper', shopper)
    change_free(home, -1)
    home.O[tonumber(p)] = redis.call('HINCRBY', home.k.pool, 'O:' .. p, 1)
    -- The number of the offer tells two offers of one pool to the same shopper apart, so that a hold can be named by it.
    local offer = redis.call('HINCRBY', home.k.pool, 'offers', 1)
    home.offered = home.offered + 1
    announce(home.k.outbox, home.k.numbers, 'deals@p' .. p, 'deals.offered', '{"poolId":"' .. home.id .. '","shopperId":"' .. shopper
      .. '","offerNo":' .. offer .. ',"simulated":' .. (simulated == '1' and 'true' or 'false') .. '}')
  end
end

local function grant(home, p, units)
  home.G[p] = home.G[p] + units
  home_line(home, 'pool-granted', 'k', p, 'units', units, 'G', home.G[p])
  redis.call('HSET', home.k.pool, 'G:' .. p, home.G[p])
  change_free(home, -units)
end

local function be_dry(home, p, g)
  home.D[p] = g
  redis.call('HSET', home.k.pool, 'D:' .. p, g)
end

-- What slice k said of itself: r units given back in all, and whether it was closed (and so empty) having accepted g.
local function take_back(home, p, r, g, closed)
  local units = r - home.R[p]
  if units > 0 then
    home_line(home, 'pool-taken-back', 'k', p, 'units', units, 'R', r)
    home.R[p] = r
    redis.call('HSET', home.k.pool, 'R:' .. p, r)
    change_free(home, units)
  end
  if closed and g > home.D[p] then be_dry(home, p, g) end
  settle(home)
end

-- Reads what slices said of themselves from the arguments on: k, r, g, 1 if closed, for each.
local function take_back_from(home, arg)
  for i = arg, #ARGV, 4 do
    take_back(home, tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3] == '1')
  end
end

-- Units at home that are not owed to those who wait.
local function left_at_home(home)
  if home.free == 0 or not may_offer(home) then return home.free end
  return math.max(0, home.free - redis.call('ZCARD', home.k.waiting))
end

-- The slices that may have units yet, each with what it is to accept before it closes: '<k>:<G> <k>:<G>', or '' when all are dry.
local function not_dry(home)
  local open = {}
  for p = 0, home.partitions - 1 do
    if home.D[p] ~= home.G[p] then open[#open + 1] = p .. ':' .. home.G[p] end
  end
  return table.concat(open, ' ')
end

-- Slice k has accepted g and lacks `want` units; the smallest of those who wait there wants `least`.
-- Answers 'grant <G>', 'recall <k>:<G> ...' (close these, bring home what they say, ask again), 'left <n>' (these are all there are,
-- too few for anyone waiting) or 'sold-out'.
local function ask(home, p, g, want, least)
  settle(home)
  -- The last grant has not arrived, as far as the asker knows: it is given again, and nothing new.
  if g < home.G[p] then return 'grant ' .. home.G[p] end
  if g > home.G[p] then error('slice ' .. p .. ' of ' .. home.id .. ' accepted more than it was granted') end
  local left = left_at_home(home)
  if left >= least then
    local units = home.partitions == 1 and left or math.min(left, math.max(want, math.ceil(left / (2 * home.partitions))))
    grant(home, p, units)
    return 'grant ' .. home.G[p]
  end
  local open = not_dry(home)
  if open ~= '' then return 'recall ' .. open end
  return left == 0 and 'sold-out' or 'left ' .. left
end
