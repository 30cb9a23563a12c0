-- Remembered answers: the first answer to a (person, requestId) is given again, word for word.
-- A field of the answers hash is a requestId; its value is "<command> <hash of the input> <outcome as JSON>".
-- The order set says from when an answer may be forgotten; of those that have such a time the last 32 are kept, whatever
-- their age. Those that are kept until forget_after() are not counted, or a shopper with many holds would have no refusal
-- remembered for longer than its time.

local ANSWERS_KEPT = 32
-- Answers of a person who does nothing for a week are forgotten whole.
local ANSWERS_EXPIRE_MS = 604800000
local REUSED = '{"ok":false,"why":"request-id-reused"}'

-- The outcome given before, the refusal of a reused id, or nil.
local function recall(answers, request_id, command, input_hash)
  local kept = redis.call('HGET', answers, request_id)
  if not kept then return nil end
  local kept_command, kept_hash, outcome = string.match(kept, '^(%S+) (%S+) (.*)$')
  if kept_command ~= command or kept_hash ~= input_hash then return REUSED end
  return outcome
end

-- Keeps an outcome until forget_at_ms; '+inf' keeps it until forget_after() says otherwise.
local function remember(answers, order, request_id, command, input_hash, outcome, now_ms, forget_at_ms)
  redis.call('HSET', answers, request_id, command .. ' ' .. input_hash .. ' ' .. outcome)
  redis.call('ZADD', order, forget_at_ms, request_id)
  local surplus = redis.call('ZCOUNT', order, '-inf', '(+inf') - ANSWERS_KEPT
  if surplus > 0 then
    local old = redis.call('ZRANGEBYSCORE', order, '-inf', now_ms, 'LIMIT', 0, math.min(surplus, 8))
    for _, id in ipairs(old) do
      redis.call('HDEL', answers, id)
      redis.call('ZREM', order, id)
    end
  end
  redis.call('PEXPIRE', answers, ANSWERS_EXPIRE_MS)
  redis.call('PEXPIRE', order, ANSWERS_EXPIRE_MS)
end

-- What an answer was about is over: it may be forgotten from then on.
local function forget_after(order, request_id, forget_at_ms)
  redis.call('ZADD', order, 'XX', forget_at_ms, request_id)
end
