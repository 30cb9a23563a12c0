-- Takes a role from a person and ends every token issued so far. The role 'shopper' is everyone's: taking it only signs
-- the person out everywhere.
-- KEYS: revoked, staff record, answers, answers order, bell
-- ARGV: request id, command, hash of the input, now ms, person, role, record as JSON, forget before ms
-- Answers the outcome as JSON, or 'full'.
-- @include ../../platform/redis/answers.lua
-- @include revoked.lua
local revoked, staff, answers, order, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local request_id, command, input_hash, now_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local person, role, record, forget_before_ms = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local given = recall(answers, request_id, command, input_hash)
if given then return given end
if not room_for(revoked, person, forget_before_ms) then return 'full' end
local held = redis.call('HGET', staff, 'roles')

mark_revoked(revoked, bell, person, now_ms, record)
if held and role ~= 'shopper' then
  local left = {}
  for one in string.gmatch(held, '%S+') do
    if one ~= role then left[#left + 1] = one end
  end
  redis.call('HSET', staff, 'roles', table.concat(left, ' '))
end
local outcome = '{"ok":true,"reply":{"revokedAtMs":' .. now_ms .. '}}'
remember(answers, order, request_id, command, input_hash, outcome, now_ms, tonumber(now_ms) + 600000)
return outcome
