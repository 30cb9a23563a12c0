-- Applies announced events of one source in their order, each once: what they credit, and that they were applied.
-- KEYS: 1 cursors, 2 ledger, 3 totals; for each that an event touches: the shopper's energy, tasks done, history.
-- ARGV: 1 source, 2 now (ms); for each event: its number, how many it touches, and for each of those: shopper id, when it
--   happened (ms), 1 for the demo's crowd or 0, the shopper's bell, which order it is about ('': none), what it does ('credit', or
--   'take-back' what the order credited), how many tasks it credits, and for each of those: task id, energy, when its window
--   closes (ms).
-- Answers 'applied', or 'gap' where an earlier event is missing: that one and all behind it are left for later.
-- The cursor moves before an event is credited: a shopper whose keys are spoilt loses that credit, loudly, and holds up
-- nobody behind.
-- @include ../../platform/redis/cursor.lua
-- @include ./credit.lua
local cursors, ledger, totals = KEYS[1], KEYS[2], KEYS[3]
local source, now = ARGV[1], ARGV[2]

local function apply(arg, key)
  local shopper, at, sim, bell, order, act = unpack(ARGV, arg, arg + 5)
  local keys = { energy = KEYS[key], done = KEYS[key + 1], history = KEYS[key + 2], ledger = ledger, totals = totals, bell = bell }
  local credited = {}
  for n = 0, tonumber(ARGV[arg + 6]) - 1 do
    local task_id, energy, closes_at = unpack(ARGV, arg + 7 + 3 * n, arg + 9 + 3 * n)
    if creditable(keys, task_id, closes_at, now) == 'credit' then
      credit(keys, task_id, energy, closes_at, shopper, at, sim, now)
      credited[#credited + 1] = task_id .. '=' .. energy
    end
  end
  if order ~= '' and #credited > 0 then redis.call('HSET', keys.energy, order_field(order), table.concat(credited, ' ')) end
  if act == 'take-back' then take_back(keys, order, shopper, at, sim) end
end

local arg, key = 3, 4
while arg <= #ARGV do
  local arrival = arrive(cursors, source, tonumber(ARGV[arg]))
  if arrival == 'gap' then return 'gap' end
  local touched = tonumber(ARGV[arg + 1])
  arg = arg + 2
  for _ = 1, touched do
    if arrival == 'next' then apply(arg, key) end
    arg, key = arg + 7 + 3 * tonumber(ARGV[arg + 6]), key + 3
  end
end
return 'applied'
