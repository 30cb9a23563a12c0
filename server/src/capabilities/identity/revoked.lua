-- Who was signed out when. A hash of person -> {"atMs",...}, and under '#' a number that grows with every change, so that
-- a node that follows it reads one field a second and the rest only when it has changed.

-- Pruned past this many people, refused past the other: every node holds them all in memory.
local PRUNED_AT = 1000
local PEOPLE_MAX = 50000

-- Tells whether there is room, after forgetting those whose last token has run out by itself.
local function room_for(revoked, person, forget_before_ms)
  if redis.call('HLEN', revoked) <= PRUNED_AT or redis.call('HEXISTS', revoked, person) == 1 then return true end
  local all = redis.call('HGETALL', revoked)
  for i = 1, #all, 2 do
    if all[i] ~= '#' and cjson.decode(all[i + 1]).atMs < tonumber(forget_before_ms) then
      redis.call('HDEL', revoked, all[i])
    end
  end
  return redis.call('HLEN', revoked) <= PEOPLE_MAX
end

-- Tokens of this person issued until now_ms stop counting. record is JSON that holds atMs = now_ms. A later mark stays.
local function mark_revoked(revoked, bell, person, now_ms, record)
  local kept = redis.call('HGET', revoked, person)
  if kept and cjson.decode(kept).atMs > tonumber(now_ms) then return end
  redis.call('HSET', revoked, person, record)
  redis.call('HINCRBY', revoked, '#', 1)
  redis.call('SPUBLISH', bell, '')
end
