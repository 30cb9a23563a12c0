-- The slice's side of a pool (CONSISTENCY.md 21 and 22). A slice is a hash with free, held, sold, and three counters that
-- only grow: g (units accepted from home), r (units given back to home), o (units that came as offers). Always
-- free + held + sold = g - r + o. A closed slice ('closed' is 1) is empty, stays empty until home grants more, and whatever
-- is returned to it is on its way home. Units are small whole numbers, so Lua's numbers are exact.

-- Makes a slice where there is none: empty and closed, because home counts a slice it never granted to as dry.
-- The caller adds what decides (terms, window, ...), before or after. Answers whether it was made.
local function open_slice(slice)
  if redis.call('HEXISTS', slice, 'g') == 1 then return false end
  redis.call('HSET', slice, 'free', 0, 'held', 0, 'sold', 0, 'g', 0, 'r', 0, 'o', 0, 'closed', 1)
  return true
end

-- Takes what home has granted this slice in all; a grant that comes late, twice or out of order changes nothing.
-- A slice that is not there is not made: its pool was retired, and its units are not to rise again.
-- Answers how many units came.
local function accept_grant(slice, granted, ledger, pool_id, now)
  local g = redis.call('HGET', slice, 'g')
  local units = g and tonumber(granted) - tonumber(g) or 0
  if units <= 0 then return 0 end
  local at = redis.call('XADD', ledger, '*', 'e', 'slice-granted', 't', now, 'pool', pool_id, 'units', units, 'g', granted)
  redis.call('HINCRBY', slice, 'free', units)
  redis.call('HSET', slice, 'g', granted, 'closed', 0, 'at', at)
  return units
end

-- Units that nobody holds any more. Answers true when the slice is closed: they are on their way home then, the caller names
-- the pool in the `home` of its own ledger line, and whoever called it carries them (pools.ts, carryHome).
-- The caller takes them from held or sold, and sets `at`.
local function give_back(slice, quantity)
  if redis.call('HGET', slice, 'closed') == '1' then
    redis.call('HINCRBY', slice, 'r', quantity)
    return true
  end
  redis.call('HINCRBY', slice, 'free', quantity)
  return false
end

-- A recall: takes what was granted, sends all that is free home, and closes. The first half matters: a slice that closed
-- below what it was granted would be reopened by that grant when it came, after home had believed it empty.
local function close_slice(slice, granted, ledger, pool_id, now)
  local accepted = accept_grant(slice, granted, ledger, pool_id, now)
  local kept = redis.call('HMGET', slice, 'free', 'closed')
  if not kept[1] or (accepted == 0 and kept[2] == '1') then return end
  local r = redis.call('HINCRBY', slice, 'r', kept[1])
  local at = redis.call('XADD', ledger, '*', 'e', 'slice-recalled', 't', now, 'pool', pool_id, 'units', kept[1], 'r', r)
  redis.call('HSET', slice, 'free', 0, 'closed', 1, 'at', at)
end
