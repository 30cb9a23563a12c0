-- Lays the next amounts of a sealed drop in their order; with the last of them the drop is ready.
-- KEYS: 1 the drop, 2 its amounts, 3 the ledger.
-- ARGV: 1 the drop's id, 2 now (ms), 3 how many amounts are already laid, 4 the drop's bell, 5... the next amounts.
-- Answers how many amounts are laid now, or -1 when the drop is ready. Where another node laid some meanwhile, nothing
-- is laid: both derive the same amounts from the same seed, so the caller goes on from the number it is told.
local drop, amounts, ledger = KEYS[1], KEYS[2], KEYS[3]
local drop_id, now, from, bell = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local terms = redis.call('HMGET', drop, 'state', 'packets', 'fund', 'seedHash')
if terms[1] ~= 'dealing' then return -1 end
local laid = redis.call('LLEN', amounts)
if laid ~= from then return laid end

laid = redis.call('RPUSH', amounts, unpack(ARGV, 5))
if laid ~= tonumber(terms[2]) then return laid end
local id = redis.call('XADD', ledger, '*', 'e', 'drop-staged', 't', now, 'drop', drop_id, 'fund', terms[3],
  'packets', terms[2], 'hash', terms[4])
redis.call('HSET', drop, 'state', 'ready', 'at', id)
redis.call('SPUBLISH', bell, '')
return -1
