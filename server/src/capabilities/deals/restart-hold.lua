-- Begins the minutes of a hold anew, because its shopper could only now be told of it (CONSISTENCY.md 11).
-- KEYS 1 lapses  2 holds of the shopper
-- ARGV 1 shopper  2 request id of its claim  3 now  4 bell of the shopper's holds
-- Answers how many holds were begun anew.
local lapses, holds = KEYS[1], KEYS[2]
local shopper, request, now, mine = unpack(ARGV)
local begun = 0
local flat = redis.call('HGETALL', holds)
for i = 1, #flat, 2 do
  local hold, kept = flat[i], flat[i + 1]
  local lapses_at = redis.call('ZSCORE', lapses, shopper .. ' ' .. hold)
  if lapses_at and string.match(kept, '^(%S+) ') == request then
    local claimed, until_ms = string.match(kept, '"claimedAtMs":(%d+),"lapsesAtMs":(%d+)')
    local later = string.format('%.0f', tonumber(now) + math.max(0, tonumber(until_ms) - tonumber(claimed)))
    if tonumber(later) > tonumber(lapses_at) then
      redis.call('HSET', holds, hold, (string.gsub(kept, '"lapsesAtMs":%d+', '"lapsesAtMs":' .. later, 1)))
      redis.call('ZADD', lapses, later, shopper .. ' ' .. hold)
      begun = begun + 1
    end
  end
end
if begun > 0 then redis.call('SPUBLISH', mine, '') end
return begun
