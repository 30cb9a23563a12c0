-- Puts a drop away when it has been over for long: its sums and its seed go to the ledger, its keys go.
-- KEYS: 1 the drop, 2 its seed, 3 its amounts, 4 who opened, 5 the staged drops, 6 the ledger.
-- ARGV: 1 the drop's id, 2 now (ms).
-- Answers 1 when it was put away by this call, else 0.
local drop, seed, amounts, opened, drops, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local drop_id, now = ARGV[1], ARGV[2]

local terms = redis.call('HMGET', drop, 'state', 'retiresAt', 'fund', 'opened', 'openedMinor')
local state, retires_at, fund, opened_count, opened_minor = unpack(terms)
if state and tonumber(now) < tonumber(retires_at) then return 0 end

-- A drop that closed before all its amounts were laid was never staged, so the ledger does not know it.
if state and state ~= 'dealing' then
  -- The rest is subtracted by Redis, whose integers keep every digit.
  redis.call('HSET', drop, 'rest', fund)
  redis.call('HINCRBY', drop, 'rest', '-' .. opened_minor)
  redis.call('XADD', ledger, '*', 'e', 'drop-retired', 't', now, 'drop', drop_id, 'opened', opened_count,
    'openedMinor', opened_minor, 'returned', redis.call('HGET', drop, 'rest'), 'seed', redis.call('GET', seed) or '')
end
redis.call('ZREM', drops, drop_id)
redis.call('UNLINK', drop, seed, amounts, opened)
return state and 1 or 0
