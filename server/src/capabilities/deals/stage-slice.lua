-- Puts what decides about a deal beside its stock, in one partition; again and again without harm. A change of terms that could
-- meet a claim takes effect at a stated moment and not before (CONSISTENCY.md 5).
-- KEYS 1 slice  2 deals by closing time  3 ledger
-- ARGV 1 deal id  2 now  3 terms (terms.lua)
--      4 from when changed terms hold  5 units granted to this slice in all, as home says  6 1 while the deal is paused, or 0
--      7 which pause that is  8 bell
-- Answers 'staged', 'same' or 'changed' (new terms).

-- @include ./pools/pool.lua
-- @include ./terms.lua

local slice, deals, ledger = KEYS[1], KEYS[2], KEYS[3]
local id, now, wanted, from, granted, paused, pause_version, bell = unpack(ARGV)

-- When the first of those who may come in early may come in.
local function first_opening(terms)
  local first = terms.opens
  for _, tier in ipairs(terms.early or {}) do first = math.min(first, tier.opens) end
  return first
end

local answer = 'same'
-- A slice without terms was made by an offer that came before its deal was staged here.
if open_slice(slice) or redis.call('HEXISTS', slice, 't') == 0 then
  redis.call('HSET', slice, 't', wanted, 'paused', 0, 'pauseVersion', 0)
  answer = 'staged'
else
  local d = redis.call('HMGET', slice, 't', 'nt', 'na')
  local current, coming, coming_at = d[1], d[2], tonumber(d[3])
  if coming and tonumber(now) >= coming_at then
    redis.call('HSET', slice, 't', coming)
    redis.call('HDEL', slice, 'nt', 'na')
    current, coming = coming, nil
  end
  if (coming or current) ~= wanted then
    if tonumber(now) + 60000 < first_opening(parse_terms(current)) then
      -- Nobody can have claimed by these terms yet.
      redis.call('HSET', slice, 't', wanted)
      redis.call('HDEL', slice, 'nt', 'na')
    else
      redis.call('HSET', slice, 'nt', wanted, 'na', from)
    end
    answer = 'changed'
  end
end
redis.call('ZADD', deals, parse_terms(wanted).closes_text, id)
if tonumber(pause_version) > tonumber(redis.call('HGET', slice, 'pauseVersion') or '0') then
  redis.call('HSET', slice, 'paused', paused, 'pauseVersion', pause_version)
end
local came = accept_grant(slice, granted, ledger, 'deal:' .. id, now)
if answer ~= 'same' or came > 0 then redis.call('SPUBLISH', bell, '') end
return answer
