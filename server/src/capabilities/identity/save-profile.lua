-- Keeps the name and language that a person chose, for the tokens to come.
-- KEYS: profile, revoked, answers, answers order
-- ARGV: request id, command, hash of the input, now ms, person, when the caller's token was issued in ms, display name,
--   locale, kept for ms (0: for ever)
-- Answers {"ok":true,"reply":{"atMs"}} as JSON (the token is made from it, and so is never kept), a rejection, or 'revoked'.
-- @include ../../platform/redis/answers.lua
local profile, revoked, answers, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local request_id, command, input_hash, now_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local person, issued_ms, display_name, locale, kept_ms = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]

-- This node may not have heard yet that the person was signed out; a fresh token must not slip through.
local ended = redis.call('HGET', revoked, person)
if ended and cjson.decode(ended).atMs >= tonumber(issued_ms) then return 'revoked' end
local given = recall(answers, request_id, command, input_hash)
if given then return given end

redis.call('HSET', profile, 'displayName', display_name, 'locale', locale)
if kept_ms ~= '0' then redis.call('PEXPIRE', profile, kept_ms) end
local outcome = '{"ok":true,"reply":{"atMs":' .. now_ms .. '}}'
remember(answers, order, request_id, command, input_hash, outcome, now_ms, tonumber(now_ms) + 600000)
return outcome
