-- Writes authored records, all of them or none: bodies, index sets, change entries and the version move together.
-- What was checked before the call was checked against one version; another version than that answers 'moved', and the
-- caller looks again. So references hold between records although the checks are made outside.
-- KEYS: 1 meta, 2 changes, 3 file hashes, 4 answers, 5 order of the answers, 6 bell of the nodes, 7 bell of the viewers,
--       then for each write: the record's hash and the index set of its kind.
-- ARGV: 1 version expected, 2 now_ms, 3 epoch for a new catalogue, 4 head as JSON or '' to leave it, 5 outcome as JSON,
--       6 requestId or '', 7 command, 8 hash of the input, 9 forget_at_ms or '' where the answer is not remembered,
--       10 how many writes, then for each: op (save | remove | note), kind, id, body, brand, origin (file | command),
--       hash of the file's record ('' leaves what is kept of it, '-' takes it away).
-- Answers 'moved', or an outcome as JSON: the one given, or the one given before to the same request.
-- @include ../../platform/redis/answers.lua

local meta, changes, file_hashes = KEYS[1], KEYS[2], KEYS[3]
local answers, order, nodes_bell, viewers_bell = KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local expected, now_ms, epoch, head, outcome = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local request_id, command, input_hash, forget_at_ms = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local count = tonumber(ARGV[10])
local FIRST_KEY, KEYS_EACH, FIRST_ARG, ARGS_EACH = 8, 2, 11, 7
-- A node that was away for longer than this many changes reads everything anew.
local CHANGES_KEPT = 5000

if request_id ~= '' then
  local before = recall(answers, request_id, command, input_hash)
  if before then return before end
end
local version = redis.call('HGET', meta, 'version') or '0'
if version ~= expected then return 'moved' end

local changed = head ~= ''
for i = 0, count - 1 do
  if ARGV[FIRST_ARG + i * ARGS_EACH] ~= 'note' then changed = true end
end

if changed then
  version = redis.call('HINCRBY', meta, 'version', 1)
  redis.call('HSETNX', meta, 'epoch', epoch)
  redis.call('HSETNX', meta, 'firstStartMs', now_ms)
end
if head ~= '' then
  redis.call('HSET', meta, 'head', head)
  redis.call('XADD', changes, 'MAXLEN', CHANGES_KEPT, version .. '-0', 'k', 'head', 'i', '')
end
for i = 0, count - 1 do
  local record, index = KEYS[FIRST_KEY + i * KEYS_EACH], KEYS[FIRST_KEY + i * KEYS_EACH + 1]
  local arg = FIRST_ARG + i * ARGS_EACH
  local op, kind, id, body, brand, origin, file_hash = unpack(ARGV, arg, arg + ARGS_EACH - 1)
  if op == 'save' then
    -- The layout is the one that redis-om's HASH repositories read: a plain hash of fields.
    redis.call('HSET', record, 'body', body, 'brand', brand, 'origin', origin, 'version', version, 'savedAtMs', now_ms)
    redis.call('SADD', index, id)
  elseif op == 'remove' then
    redis.call('DEL', record)
    redis.call('SREM', index, id)
  end
  if op ~= 'note' then
    redis.call('XADD', changes, 'MAXLEN', CHANGES_KEPT, version .. '-' .. (i + 1), 'k', kind, 'i', id)
  end
  if file_hash == '-' then
    redis.call('HDEL', file_hashes, kind .. ':' .. id)
  elseif file_hash ~= '' then
    redis.call('HSET', file_hashes, kind .. ':' .. id, file_hash)
  end
end
if forget_at_ms ~= '' then
  remember(answers, order, request_id, command, input_hash, outcome, now_ms, forget_at_ms)
end
if changed then
  redis.call('SPUBLISH', nodes_bell, tostring(version))
  redis.call('SPUBLISH', viewers_bell, '')
end
return outcome
