-- The number of partitions is fixed when a festival is created: every key of a person is found by it.
-- KEYS 1 what is fixed of the festival  2 the catalogue's meta
-- ARGV 1 the number this start was given
-- Answers the number that holds, as text.
local fixed, meta, given = KEYS[1], KEYS[2], ARGV[1]
local partitions = redis.call('HGET', fixed, 'partitions')
if partitions then return partitions end
-- A festival that was created before its number was kept has one.
partitions = redis.call('EXISTS', meta) == 1 and '1' or given
redis.call('HSET', fixed, 'partitions', partitions)
return partitions
