-- Commits what was decided about orders: compares every document that was read, looks that holds, units and coupon uses are
-- there, and then writes everything, or nothing. Also remembers an answer that changes nothing (a refusal).
-- KEYS 1 ledger  2 outbox  3 outbox numbers  4 lapses of holds  5 totals  6 order dues  7 payment dues  8 accounts  9 the shopper's
--      account  10 the shopper's holds  11 what the shopper abandoned  12 answers of the caller  13 their order  14 the shopper's answers
--      15 their order  16 orders of the shopper, then what the plan names by its place here
-- ARGV 1 the plan as JSON, every number in it as text (CONSISTENCY.md 6):
--      now, forget (until when an answer is kept), claimForget (until when that of an ended hold's claim is)  stamp (when the command arrived; '' for a sweep)  shopper
--      answer: { request, command, hash, outcome, passing (it is not remembered) } or false
--      documents: [{ k, was (version, '0': none), text ('' to compare only) }]  timelines: [{ k, entries }]
--      holds: [{ id, was (as it was read), text ('' to compare only) }] that wait for a payment from here on  ended: [hold id]
--      abandoned: [hold id]  forgiven: [hold id] that were abandoned, and are paid for late
--      abandonedMs
--      pools: [{ k (slice), taken (its place), id, bell, granted ('': nothing new), moves: [{ from, to, quantity, limit ('': none) }] }]
--      line: [field, text, ...] of the ledger, or []  posts: [[account, minor]]
--      dues, payDues: [[member, score ('': none)]]  indexes: [[place, score, member]]  totals: [[field, minor]]
--      announcements: [[destination, event, payload]]  bells: [channel]
-- Answers 'done', the outcome, the pools whose units are on their way home; 'remembered' and the outcome; 'moved'; 'stale'; 'dry' and
-- the pools that lack units here; 'limit' and the pool of which this shopper may have no more; or 'stopped' and a coupon that nobody may use
-- for now.

-- @include ../../platform/redis/answers.lua
-- @include ../../platform/redis/outbox.lua
-- @include ../deals/pools/pool.lua
-- @include ../deals/hold-answer.lua

local ledger, outbox, numbers, lapses, totals = unpack(KEYS, 1, 5)
local order_dues, payment_dues, accounts, account, holds, abandoned = unpack(KEYS, 6, 11)
local answers, answers_order, shopper_answers, shopper_order = unpack(KEYS, 12, 15)
local plan = cjson.decode(ARGV[1])
local answer, shopper, now = plan.answer, plan.shopper, plan.now

-- ---- decide: reads only, but for grants of home, which are accepted whatever comes of it
local STAMP_OLD_MS, STAMP_AHEAD_MS = 2000, 50

if answer then
  local outcome = recall(answers, answer.request, answer.command, answer.hash) or claimed_with(holds, answer.request)
  if outcome then return { 'remembered', outcome, '' } end
end
if plan.stamp ~= '' then
  local time = redis.call('TIME')
  local age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(plan.stamp)
  if age > STAMP_OLD_MS or -age > STAMP_AHEAD_MS then return { 'stale', '', '' } end
end
for _, document in ipairs(plan.documents) do
  local kept = redis.call('GET', KEYS[document.k])
  if (kept and string.match(kept, '^%d+') or '0') ~= document.was then return { 'moved', '', '' } end
end
for _, hold in ipairs(plan.holds) do
  if redis.call('HGET', holds, hold.id) ~= hold.was then return { 'moved', '', '' } end
end
local dry = {}
for _, pool in ipairs(plan.pools) do
  local slice = KEYS[pool.k]
  if pool.granted ~= '' then accept_grant(slice, pool.granted, ledger, pool.id, now) end
  local free = tonumber(redis.call('HGET', slice, 'free') or '-1')
  pool.there = free >= 0
  local needed = 0
  for _, move in ipairs(pool.moves) do
    if move.from == 'free' then
      needed = needed + tonumber(move.quantity)
      local taken = tonumber(redis.call('HGET', KEYS[pool.taken], shopper) or '0')
      if taken + needed > tonumber(move.limit) then return { 'limit', pool.id, '' } end
    end
  end
  -- A deal that is paused still sells what is held of it; a coupon is held by nobody beforehand.
  if needed > 0 and string.sub(pool.id, 1, 7) == 'coupon:' and redis.call('HGET', slice, 'paused') == '1' then return { 'stopped', pool.id, '' } end
  if needed > 0 and free < needed then dry[#dry + 1] = pool.id end
end
if #dry > 0 then return { 'dry', table.concat(dry, ' '), '' } end

-- ---- write: nothing from here on may refuse
local outcome = answer and answer.outcome or ''
if answer and not answer.passing then remember(answers, answers_order, answer.request, answer.command, answer.hash, outcome, now, plan.forget) end

local home, moved = {}, {}
for _, pool in ipairs(plan.pools) do
  -- A slice that was retired is gone with all its units: there is nothing left to give them back to.
  if pool.there then
    local slice, taken = KEYS[pool.k], KEYS[pool.taken]
    local bound_home = false
    for _, move in ipairs(pool.moves) do
      local quantity = tonumber(move.quantity)
      redis.call('HINCRBY', slice, move.from, -quantity)
      if move.to == 'free' then
        if give_back(slice, quantity) then bound_home = true end
        if redis.call('HINCRBY', taken, shopper, -quantity) <= 0 then redis.call('HDEL', taken, shopper) end
      else
        redis.call('HINCRBY', slice, move.to, quantity)
        if move.from == 'free' then redis.call('HINCRBY', taken, shopper, quantity) end
      end
      -- What leaves `free` says how many its shopper might have: a later change of that limit says nothing of earlier moves.
      moved[#moved + 1] = pool.id .. ' ' .. move.from .. '>' .. move.to .. ' ' .. move.quantity
        .. (move.limit == '' and '' or ' ' .. move.limit)
    end
    if bound_home then home[#home + 1] = pool.id end
    if pool.bell ~= '' then redis.call('SPUBLISH', pool.bell, '') end
  end
end
local bound_home = table.concat(home, ',')

if #plan.line > 0 then
  local posts = {}
  for i, post in ipairs(plan.posts) do posts[i] = post[1] .. ' ' .. post[2] end
  local line = plan.line
  for _, text in ipairs({ 'stock', table.concat(moved, ';'), 'post', table.concat(posts, ';'), 'home', bound_home }) do
    line[#line + 1] = text
  end
  local at = redis.call('XADD', ledger, '*', unpack(line))
  for _, pool in ipairs(plan.pools) do
    if pool.there then redis.call('HSET', KEYS[pool.k], 'at', at) end
  end
  for _, post in ipairs(plan.posts) do
    redis.call('HINCRBY', accounts, post[1], post[2])
    redis.call('HSET', accounts, post[1] .. '@at', at)
    if post[1] == 'shoppers' then
      redis.call('HINCRBY', account, 'minor', post[2])
      redis.call('HSET', account, 'at', at)
    end
  end
end

for _, document in ipairs(plan.documents) do
  if document.text ~= '' then redis.call('SET', KEYS[document.k], document.text) end
end
for _, timeline in ipairs(plan.timelines) do redis.call('RPUSH', KEYS[timeline.k], unpack(timeline.entries)) end
for _, hold in ipairs(plan.holds) do
  if hold.text ~= '' then
    redis.call('HSET', holds, hold.id, hold.text)
    redis.call('ZREM', lapses, shopper .. ' ' .. hold.id)
  end
end
for _, hold in ipairs(plan.ended) do
  local kept = redis.call('HGET', holds, hold)
  redis.call('HDEL', holds, hold)
  redis.call('ZREM', lapses, shopper .. ' ' .. hold)
  if kept then remember_claim(shopper_answers, shopper_order, kept, now, plan.claimForget) end
end
if #plan.abandoned > 0 then
  for _, hold in ipairs(plan.abandoned) do redis.call('ZADD', abandoned, now, hold) end
  redis.call('ZREMRANGEBYSCORE', abandoned, '-inf', string.format('%.0f', tonumber(now) - tonumber(plan.abandonedMs)))
  redis.call('PEXPIRE', abandoned, plan.abandonedMs)
end
if #plan.forgiven > 0 then redis.call('ZREM', abandoned, unpack(plan.forgiven)) end
local function set_dues(set, dues)
  for _, due in ipairs(dues) do
    if due[2] == '' then redis.call('ZREM', set, due[1]) else redis.call('ZADD', set, due[2], due[1]) end
  end
end
set_dues(order_dues, plan.dues)
set_dues(payment_dues, plan.payDues)
for _, index in ipairs(plan.indexes) do redis.call('ZADD', KEYS[index[1]], index[2], index[3]) end
for _, total in ipairs(plan.totals) do redis.call('HINCRBY', totals, total[1], total[2]) end
for _, a in ipairs(plan.announcements) do announce(outbox, numbers, a[1], a[2], a[3]) end
if #plan.bells > 0 then redis.call('HINCRBY', account, 'v', 1) end
for _, bell in ipairs(plan.bells) do redis.call('SPUBLISH', bell, '') end
return { 'done', outcome, bound_home }
