-- Says when a payment that was taken is due next, or that nothing more is due. If somebody set another time meanwhile (a
-- refund was decided), theirs stands.
-- KEYS: 1 dues of payments.
-- ARGV: 1 payment id, 2 the score under which it was taken, 3 the new score or '' for never.
-- Answers 'done' or 'moved'.
local dues = KEYS[1]
local payment, seen, score = unpack(ARGV, 1, 3)

local now = redis.call('ZSCORE', dues, payment)
if not now or tonumber(now) ~= tonumber(seen) then return 'moved' end
if score == '' then redis.call('ZREM', dues, payment) else redis.call('ZADD', dues, score, payment) end
return 'done'
