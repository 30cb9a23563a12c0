-- Puts up the figures of one moment, with their point, and rings for those who watch.
-- KEYS 1 wall  2 points
-- ARGV 1 at (ms)  2 the figures as JSON  3 the point with its sums as JSON  4 points kept  5 bell
-- Answers the version of the figures that now stand. Figures a little older than those that stand change nothing: two
-- nodes may make figures at once for a moment, and whoever was held up must not turn the wall back. Nobody is held up for
-- longer than a call may take; figures from further ahead than that mean that time itself was set back, and give way.
local wall, points = KEYS[1], KEYS[2]
local at, figures, point, points_max, bell = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local HELD_UP_MS = 10000

local before = redis.call('HMGET', wall, 'at', 'version')
local ahead_ms = before[1] and tonumber(before[1]) - tonumber(at) or -1
if ahead_ms >= 0 and ahead_ms < HELD_UP_MS then return before[2] end
redis.call('HSET', wall, 'at', at, 'figures', figures)
local version = redis.call('HINCRBY', wall, 'version', 1)
redis.call('RPUSH', points, point)
redis.call('LTRIM', points, -points_max, -1)
redis.call('SPUBLISH', bell, '')
return tostring(version)
