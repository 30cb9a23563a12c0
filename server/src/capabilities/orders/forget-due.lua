-- Takes out what is due and of which nothing is left to be decided, unless it was made due anew since it was read.
-- KEYS 1 order dues
-- ARGV 1 payment or order  2 the score under which it was read
local dues = KEYS[1]
local id, seen = ARGV[1], ARGV[2]

if redis.call('ZSCORE', dues, id) == seen then redis.call('ZREM', dues, id) end
