-- Crediting a task to a shopper, once for each time its window comes round.
-- The done set remembers a task (score: when its window closes) until a while after; what closed earlier than that is
-- no longer remembered and therefore not credited any more, so that an event that comes very late cannot credit twice.

-- Since when a closed window counts as forgotten, before now. Forgetting itself happens a little later still, because the
-- nodes' clocks are not quite one.
local CREDITED_LATE_MS = 3600000
local FORGOTTEN_MARGIN_MS = 60000
local HISTORY_SHOWN = 30

-- Whether this task may be credited: 'credit', 'done' or 'too-late'. Reads only.
local function creditable(keys, task_id, closes_at, now)
  if tonumber(closes_at) <= tonumber(now) - CREDITED_LATE_MS then return 'too-late' end
  if redis.call('ZSCORE', keys.done, task_id) then return 'done' end
  return 'credit'
end

-- What was credited because of an order is kept beside the energy, by order, so that it can be taken back with it.
local function order_field(order) return 'order:' .. order end

-- Takes back what an order credited: the energy, and that the tasks are done.
local function take_back(keys, order, shopper, at, sim)
  local credited = redis.call('HGET', keys.energy, order_field(order))
  if not credited then return end
  for task_id, energy in string.gmatch(credited, '(%S+)=(%d+)') do
    redis.call('ZREM', keys.done, task_id)
    redis.call('HINCRBY', keys.energy, 'energy', -energy)
    redis.call('LPUSH', keys.history, '{"taskId":"' .. task_id .. '","energy":-' .. energy .. ',"creditedAtMs":' .. at .. '}')
    redis.call('LTRIM', keys.history, 0, HISTORY_SHOWN - 1)
    local line = redis.call('XADD', keys.ledger, '*', 'e', 'energy-taken-back', 't', at, 'shopper', shopper,
      'task', task_id, 'energy', energy, 'order', order, 'sim', sim)
    redis.call('HSET', keys.energy, 'at', line)
    redis.call('HINCRBY', keys.totals, sim == '1' and 'energy:sim' or 'energy', -energy)
  end
  redis.call('HDEL', keys.energy, order_field(order))
  redis.call('SPUBLISH', keys.bell, '')
end

-- Writes a credit that creditable() allowed.
local function credit(keys, task_id, energy, closes_at, shopper, at, sim, now)
  redis.call('ZREMRANGEBYSCORE', keys.done, '-inf', tonumber(now) - CREDITED_LATE_MS - FORGOTTEN_MARGIN_MS)
  redis.call('ZADD', keys.done, closes_at, task_id)
  -- The set goes with the last task that it still has to remember.
  local last = redis.call('ZRANGE', keys.done, -1, -1, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', keys.done, tonumber(last) + CREDITED_LATE_MS + FORGOTTEN_MARGIN_MS)
  redis.call('HINCRBY', keys.energy, 'energy', energy)
  redis.call('LPUSH', keys.history, '{"taskId":"' .. task_id .. '","energy":' .. energy .. ',"creditedAtMs":' .. at .. '}')
  redis.call('LTRIM', keys.history, 0, HISTORY_SHOWN - 1)
  local line = redis.call('XADD', keys.ledger, '*', 'e', 'energy-credited', 't', at, 'shopper', shopper,
    'task', task_id, 'energy', energy, 'sim', sim)
  redis.call('HSET', keys.energy, 'at', line)
  redis.call('HINCRBY', keys.totals, sim == '1' and 'energy:sim' or 'energy', energy)
  redis.call('SPUBLISH', keys.bell, '')
end
