-- Says when what is due is looked at again, or that nothing is left of it to be decided; unless it was made due anew since it was read.
-- KEYS 1 order dues
-- ARGV 1 payment or order  2 the score under which it was read  3 the new score, or '' for never
local dues = KEYS[1]
local id, seen, score = unpack(ARGV)

if redis.call('ZSCORE', dues, id) ~= seen then return end
if score == '' then redis.call('ZREM', dues, id) else redis.call('ZADD', dues, score, id) end
