-- Seals a drop before it opens: its terms and its seed are fixed by whoever comes first and never change again.
-- KEYS: 1 the drop, 2 its seed, 3 the staged drops.
-- ARGV: 1 the drop's id, 2 seed, 3 hash of the seed, 4 salt of its pseudonyms, 5 terms as JSON, 6 title as JSON,
--   7 opens at, 8 closes at, 9 retires at (ms), 10 fund, 11 packets, 12 currency.
-- Answers { state, terms as JSON, seed, hash of the seed } as they now stand; the seed only while the amounts are dealt.
local drop, seed_key, drops = KEYS[1], KEYS[2], KEYS[3]
local drop_id, seed, seed_hash, salt, terms, title = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local opens_at, closes_at, retires_at, fund, packets, currency = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]

if redis.call('EXISTS', drop) == 0 then
  redis.call('SET', seed_key, seed)
  redis.call('HSET', drop, 'state', 'dealing', 'terms', terms, 'title', title, 'seedHash', seed_hash, 'salt', salt,
    'opensAt', opens_at, 'closesAt', closes_at, 'retiresAt', retires_at, 'fund', fund, 'packets', packets,
    'currency', currency, 'opened', '0', 'openedMinor', '0')
  redis.call('ZADD', drops, retires_at, drop_id)
end
local now = redis.call('HMGET', drop, 'state', 'terms', 'seedHash')
return { now[1], now[2], now[1] == 'dealing' and redis.call('GET', seed_key) or '', now[3] }
