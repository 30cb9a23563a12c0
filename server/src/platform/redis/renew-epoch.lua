-- A log lost entries that viewers were shown: begins a new epoch, so that positions of the old one are recognised.
-- KEYS 1 meta
-- ARGV 1 the epoch that was found broken  2 a fresh epoch
-- Answers the epoch that holds now. Two nodes that see it at once agree on one.
local meta, broken, fresh = KEYS[1], ARGV[1], ARGV[2]
local epoch = redis.call('HGET', meta, 'epoch')
if not epoch or epoch == broken then
  redis.call('HSET', meta, 'epoch', fresh)
  epoch = fresh
end
return epoch
