-- Units on their way home arrive: they go to those who wait, else to home's free.
-- KEYS 1 pool  2 those who wait  3 ledger  4 outbox  5 outbox numbers
-- ARGV 1 pool id  2 now  3 number of partitions, then for each slice: k, r, g, 1 if closed
-- Answers 'taken' or 'unknown', how many units are left at home that nobody waits for, and how many offers were made.

-- @include home.lua

local home = read_home()
if not home then return { 'unknown', 0, 0 } end
take_back_from(home, 4)
-- Offers that an earlier call left behind are made also when no slice has anything to say.
settle(home)
return { 'taken', left_at_home(home), home.offered }
