-- Brings a slice the pause that home decided. A later one is never undone by an earlier one that comes behind it; a pause that the slice
-- made for itself, because a claim failed while it was written, stands until somebody resumes the deal.
-- KEYS 1 slice
-- ARGV 1 1 if paused or 0  2 which pause that is ('': none of home's, because home is gone; it stands like the slice's own)  3 why  4 bell
-- Answers 'told' or 'unknown'.
local slice = KEYS[1]
local paused, version, why, bell = unpack(ARGV)
local kept = redis.call('HMGET', slice, 'g', 'pauseVersion')
if not kept[1] then return 'unknown' end
if version == '' then
  redis.call('HSET', slice, 'paused', paused, 'pausedWhy', why)
  redis.call('SPUBLISH', bell, '')
elseif tonumber(version) > tonumber(kept[2] or '0') then
  redis.call('HSET', slice, 'paused', paused, 'pauseVersion', version, 'pausedWhy', why)
  redis.call('SPUBLISH', bell, '')
end
return 'told'
