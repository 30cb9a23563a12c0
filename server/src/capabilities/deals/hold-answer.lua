-- A hold is kept as "<request id> <hash of the input> <1 if simulated> <the hold as JSON>". The claim that made it needs no answer of
-- its own while the hold is there; who ends the hold leaves the answer behind, so that a repeat still gets the same words.
-- An accepted offer has '=accept' for its hash (accepting remembers its own answer), and an offer '-' for both.

local function answer_to_claim(kept)
  local json = string.match(kept, '^%S+ %S+ %d (.*)$')
  json = string.gsub(json, '"paymentId":"[^"]*"', '"paymentId":null', 1)
  return '{"ok":true,"reply":' .. json .. '}'
end

-- The refusal of an id that a claim of this shopper was made with, or nil. For commands that decide beside claims.
local function claimed_with(holds, request)
  local began = request .. ' '
  for _, text in ipairs(redis.call('HVALS', holds)) do
    if string.sub(text, 1, #began) == began then return REUSED end
  end
  return nil
end

-- Called with a hold as it was kept when it ended.
local function remember_claim(answers, order, kept, now, forget_at)
  local request, hash = string.match(kept, '^(%S+) (%S+) ')
  if hash == '=accept' then
    forget_after(order, request, forget_at)
  elseif hash ~= '-' then
    remember(answers, order, request, 'deals:claim', hash, answer_to_claim(kept), now, forget_at)
  end
end
