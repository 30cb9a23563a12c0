-- Announced events: what one tag decided and another must hear of. Numbered for each destination without gaps, so that
-- carrying one twice changes nothing and losing one is seen.
local function announce(outbox, numbers, destination, event, payload)
  local number = redis.call('HINCRBY', numbers, destination, 1)
  redis.call('XADD', outbox, '*', 'to', destination, 'n', number, 'e', event, 'p', payload)
end
