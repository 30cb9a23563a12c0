-- Appending to a log feed: the entry gets the next offset, stands in the stream under it, and the doorbell rings with it.
-- meta: epoch (a random word of this stream's life) and offset (the last one given).
local function append(stream, meta, bell, entry, fresh_epoch, kept_max)
  redis.call('HSETNX', meta, 'epoch', fresh_epoch)
  local offset = redis.call('HINCRBY', meta, 'offset', 1)
  redis.call('XADD', stream, 'MAXLEN', kept_max, offset .. '-0', 'e', entry)
  local epoch = redis.call('HGET', meta, 'epoch')
  redis.call('SPUBLISH', bell, epoch .. ' ' .. offset .. ' ' .. entry)
  return epoch .. '.' .. offset
end
