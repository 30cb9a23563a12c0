-- Credits a task that a shopper does by a tap.
-- KEYS: 1 answers, 2 order of answers, 3 energy, 4 tasks done, 5 history, 6 ledger, 7 totals.
-- ARGV: 1 request id, 2 hash of the input, 3 task id, 4 shopper id, 5 when the tap arrived (ms), 6 now (ms), 7 until when
--   the answer is kept (ms), 8 1 for the demo's crowd or 0, 9 the shopper's bell, 10 the refusal that the schedule already
--   decided or '', 11 energy, 12 when the window closes (ms), 13... energy at which each lantern is lit.
-- Answers the outcome as JSON. A refusal by the schedule is given only to a request that has no answer yet, and is not
-- remembered.
-- @include ../../platform/redis/answers.lua
-- @include ./credit.lua
local answers, order = KEYS[1], KEYS[2]
local request_id, input_hash, task_id, shopper, at, now, keep_until, sim, bell = unpack(ARGV, 1, 9)
local refusal, amount, closes_at = ARGV[10], ARGV[11], ARGV[12]
local keys = { energy = KEYS[3], done = KEYS[4], history = KEYS[5], ledger = KEYS[6], totals = KEYS[7], bell = bell }
local COMMAND = 'energy:complete'

local outcome = recall(answers, request_id, COMMAND, input_hash)
if outcome then return outcome end
if refusal ~= '' then return refusal end

local may = creditable(keys, task_id, closes_at, now)
-- In time by its stamp and an hour late by its decision: the tap was lost on the way, and nothing is known of it.
if may == 'too-late' then return '{"ok":false,"why":"task-closed"}' end
if may == 'done' then
  outcome = '{"ok":false,"why":"already-credited"}'
else
  credit(keys, task_id, amount, closes_at, shopper, at, sim, now)
  local energy = redis.call('HGET', keys.energy, 'energy')
  local level = 0
  for i = 13, #ARGV do
    if tonumber(energy) >= tonumber(ARGV[i]) then level = i - 12 end
  end
  outcome = '{"ok":true,"reply":{"energy":' .. energy .. ',"level":' .. level .. ',"credited":' .. amount .. '}}'
end
remember(answers, order, request_id, COMMAND, input_hash, outcome, now, keep_until)
return outcome
