-- Makes a pool, or changes how many units it has; again and again without harm. More units go to those who wait and to
-- home's free; fewer are taken from home's free, and the rest as units come home.
-- KEYS 1 pool  2 those who wait  3 ledger  4 outbox  5 outbox numbers  6 pools
-- ARGV 1 pool id  2 now  3 number of partitions  4 total  5 1 to grant a new pool's units to all slices beforehand
--      6 the moment from which nobody waits and nothing is offered (0: none)
-- Answers 'staged', 'same', 'changed' or 'restocked'; what each slice has been granted in all, as '<G> <G> ...'; the slices to
-- close because units are to go that may be free there, as '<k>:<G> ...' or ''; and how many offers were made.

-- @include home.lua

local pools, total, spread, until_ms = KEYS[6], tonumber(ARGV[4]), ARGV[5] == '1', ARGV[6]
-- A pool smaller than this many units a partition would lie in ones and twos, and every other claim would ask home.
local SPREAD_UNITS_MIN = 10

local word = 'same'
local home = read_home()
if not home then
  word = 'staged'
  local now, partitions, id = ARGV[2], tonumber(ARGV[3]), ARGV[1]
  local at = redis.call('XADD', KEYS[3], '*', 'e', 'pool-staged', 't', now, 'pool', id, 'units', total)
  redis.call('HSET', KEYS[1], 'total', total, 'target', total, 'free', total, 'until', until_ms, 'at', at)
  home = read_home()
  local all = partitions == 1 or (spread and total >= SPREAD_UNITS_MIN * partitions)
  local share, rest = math.floor(total / partitions), total % partitions
  for p = 0, partitions - 1 do
    local units = all and share + (p < rest and 1 or 0) or 0
    if units > 0 then grant(home, p, units) else be_dry(home, p, 0) end
  end
else
  if home.until_ms ~= tonumber(until_ms) then
    word = 'changed'
    home.until_ms = tonumber(until_ms)
    redis.call('HSET', KEYS[1], 'until', until_ms)
  end
  if home.target ~= total then
    word = 'restocked'
    home.target = total
    redis.call('HSET', KEYS[1], 'target', total)
  end
  if total > home.total then change_total(home, total - home.total) end
  settle(home)
end

-- The index of pools is by when they end, so that a sweep can look at those first that go on.
if word == 'staged' or word == 'changed' then redis.call('ZADD', pools, until_ms == '0' and '+inf' or until_ms, home.id) end

local granted = {}
for p = 0, home.partitions - 1 do granted[p + 1] = home.G[p] end
return { word, table.concat(granted, ' '), home.total > home.target and not_dry(home) or '', home.offered }
