-- What many slices of one partition say of themselves, for the sweep: one call instead of hundreds, several times a second.
-- KEYS slices
-- Answers, for each slice, '<g> <r> <1 if closed>', or '' where there is none.
local said = {}
for i, slice in ipairs(KEYS) do
  local s = redis.call('HMGET', slice, 'g', 'r', 'closed')
  said[i] = s[1] and s[1] .. ' ' .. s[2] .. ' ' .. (s[3] or '0') or ''
end
return said
