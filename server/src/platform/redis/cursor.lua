-- The receiving side of the relay: event number n of a source is applied only when it is the next one.
-- Answers 'next' (apply it; the cursor has moved), 'done' (applied before) or 'gap' (an earlier one is missing).
local function arrive(cursors, source, number)
  local at = tonumber(redis.call('HGET', cursors, source) or '0')
  if number <= at then return 'done' end
  if number > at + 1 then return 'gap' end
  redis.call('HSET', cursors, source, number)
  return 'next'
end
