-- Keeps (or with no roles removes) one of the staff. Whoever was signed in under other roles, another brand or another
-- password is signed out.
-- KEYS: staff record, revoked, sign-in failures, bell
-- ARGV: person, now ms, revocation record as JSON, display name, locale, roles, brand, password hash, demo ('1' or '')
-- Answers 'saved', 'removed' or 'unknown'.
-- @include revoked.lua
local staff, revoked, failures, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local person, now_ms, record = ARGV[1], ARGV[2], ARGV[3]
local display_name, locale, roles, brand, password, demo = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]

local before = redis.call('HMGET', staff, 'roles', 'brand', 'password')
if roles == '' and not before[1] then return 'unknown' end
local changed = before[1] and (before[1] ~= roles or before[2] ~= brand or before[3] ~= password)

if changed then mark_revoked(revoked, bell, person, now_ms, record) end
redis.call('DEL', staff, failures)
if roles == '' then return 'removed' end
redis.call('HSET', staff, 'displayName', display_name, 'locale', locale, 'roles', roles, 'brand', brand,
  'password', password, 'demo', demo)
return 'saved'
