-- Says a line in the chat of a live session: one gapless log for everyone in the room.
-- KEYS 1 chat  2 its meta  3 answers  4 answers' order  5 outbox  6 outbox numbers
-- ARGV 1 request id  2 hash of the input  3 the message as JSON  4 message id  5 a fresh epoch  6 messages kept  7 bell  8 now
--      9 ms after which the answer may be forgotten  10 destination of what is announced  11 the announcement  12 when the room's keys may go
-- Answers the outcome as JSON.

-- @include ../../platform/redis/answers.lua
-- @include ../../platform/redis/outbox.lua
-- @include ../../platform/redis/log.lua

local chat, meta, answers, order, outbox, numbers = unpack(KEYS)
local request, hash, message, message_id, epoch, kept_max, bell, now, forget_ms, destination, announcement, gone_at = unpack(ARGV)

local outcome = recall(answers, request, 'live:say', hash)
if outcome then return outcome end
local position = append(chat, meta, bell, message, epoch, kept_max)
announce(outbox, numbers, destination, 'live.said', announcement)
outcome = '{"ok":true,"reply":{"messageId":"' .. message_id .. '","position":"' .. position .. '"}}'
remember(answers, order, request, 'live:say', hash, outcome, now, string.format('%.0f', tonumber(now) + tonumber(forget_ms)))
redis.call('PEXPIREAT', chat, gone_at)
redis.call('PEXPIREAT', meta, gone_at)
-- Of every time a session comes round: nothing is announced any more by then, and what was is long carried.
redis.call('PEXPIREAT', outbox, gone_at)
redis.call('PEXPIREAT', numbers, gone_at)
return outcome
