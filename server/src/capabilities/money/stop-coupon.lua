-- Lets nobody use a coupon any more, or lets them again, in one partition; what is used already stays used. Again and again
-- without harm.
-- KEYS 1 slice of the coupon  2 ledger
-- ARGV 1 coupon  2 1 to stop it or 0 to let it go on  3 who  4 why  5 now
-- Answers 'stopped' or 'goes-on', 'same' where it was so before, or 'unknown' where there is no such slice.
local slice, ledger = KEYS[1], KEYS[2]
local coupon, paused, who, why, now = unpack(ARGV)
local kept = redis.call('HMGET', slice, 'g', 'paused')
if not kept[1] then return 'unknown' end
if (kept[2] or '0') == paused then return 'same' end
redis.call('HSET', slice, 'paused', paused, 'pausedWhy', why)
redis.call('XADD', ledger, '*', 'e', paused == '1' and 'coupon-stopped' or 'coupon-resumed', 't', now, 'coupon', coupon, 'who', who, 'why', why)
return paused == '1' and 'stopped' or 'goes-on'
