-- The floor of the benches: writes what a batch of claims writes and decides nothing. No answer is looked up, no hold counted, no
-- limit, window, pause or stock is looked at: whoever decides pays at least this.
-- KEYS 1 deal  2 units taken by shopper  3 lapses  4 ledger  5 outbox
-- ARGV 1 what keys of holds begin with  2 now  3 claims as one JSON list: shopper, request id, hold id, deal id for each
-- Answers the holds, each on a line of one text.
local claims = cjson.decode(ARGV[3])
local due, booked, said, taken, answers = {}, {}, {}, {}, {}
for at = 1, #claims, 4 do
  local shopper, request, hold, deal = unpack(claims, at, at + 3)
  local text = request .. ' 0123456789abcdef 0 {"holdId":"' .. hold .. '","kind":"hold","paymentId":null,"lines":[{"dealId":"' .. deal
    .. '","quantity":1,"priceMinor":1100,"currency":"CNY"}],"claimedAtMs":' .. ARGV[2] .. ',"lapsesAtMs":' .. ARGV[2] .. '}'
  redis.call('HSET', ARGV[1] .. shopper, hold, text)
  local n = #answers + 1
  local member = shopper .. ' ' .. hold
  due[2 * n - 1], due[2 * n] = ARGV[2], member
  taken[2 * n - 1], taken[2 * n] = shopper, '1'
  booked[n] = member .. ' ' .. ARGV[2] .. ' 0 ' .. deal .. ' 1 1100'
  said[n] = '{"shopperId":"' .. shopper .. '","holdId":"' .. hold .. '","atMs":' .. ARGV[2] .. ',"simulated":false}'
  answers[n] = text
end
redis.call('ZADD', KEYS[3], unpack(due))
redis.call('XADD', KEYS[4], '*', 'e', 'claims', 't', ARGV[2], 'claims', table.concat(booked, '\n'))
redis.call('XADD', KEYS[5], '*', 'to', 'nobody', 'n', 0, 'e', 'deals.claimed', 'p', '[' .. table.concat(said, ',') .. ']')
redis.call('HSET', KEYS[2], unpack(taken))
redis.call('HINCRBY', KEYS[1], 'free', -#answers)
redis.call('HINCRBY', KEYS[1], 'held', #answers)
return table.concat(answers, '\n')
