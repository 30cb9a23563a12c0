-- What many pools at home in one partition know of their slices, for the sweep.
-- KEYS for each pool: pool, those who wait
-- ARGV 1 number of partitions
-- Answers, for each pool, '<free> <waiting> <until> <G:0> <R:0> <G:1> <R:1> ...', or '' where there is none.
local fields = { 'free', 'until' }
for p = 0, tonumber(ARGV[1]) - 1 do
  fields[#fields + 1] = 'G:' .. p
  fields[#fields + 1] = 'R:' .. p
end
local known = {}
for i = 1, #KEYS, 2 do
  local h = redis.call('HMGET', KEYS[i], unpack(fields))
  if h[1] then
    local figures = { h[1], redis.call('ZCARD', KEYS[i + 1]), h[2] or '0' }
    for f = 3, #fields do figures[#figures + 1] = h[f] or '0' end
    known[#known + 1] = table.concat(figures, ' ')
  else
    known[#known + 1] = ''
  end
end
return known
