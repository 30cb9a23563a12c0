-- Makes an event of the inbox due at once, whatever came of it before.
-- KEYS: 1 answers, 2 order of answers (both of the operator, in the payment's partition), 3 inbox, 4 its shelf.
-- ARGV: 1 request id, 2 hash of the input, 3 event id, 4 now (ms), 5 until when the answer is kept (ms), 6 refusal as JSON,
--   7 reply as JSON.
-- Answers the outcome as JSON. A refusal is not remembered: the event may arrive a moment later.
-- @include ../../platform/redis/answers.lua
local answers, order, inbox, shelf = unpack(KEYS, 1, 4)
local request_id, input_hash, event_id, now, keep_until, refusal, reply = unpack(ARGV, 1, 7)
local COMMAND = 'payments:replay'

local outcome = recall(answers, request_id, COMMAND, input_hash)
if outcome then return outcome end
local kept = redis.call('HGET', inbox, event_id)
if not kept then return refusal end
local event = string.match(kept, '^%S+ %S+ %S+ (.*)$')
redis.call('HSET', inbox, event_id, 'waiting 0 - ' .. event)
redis.call('ZADD', shelf, now, event_id)
remember(answers, order, request_id, COMMAND, input_hash, reply, now, keep_until)
return reply
