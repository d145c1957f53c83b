-- The key outlives a record by a day, so that its end can be told.
local digest, times = unpack(redis.call('HMGET', KEYS[1], 'd', 'm'))
local ends = digest and tonumber(string.match(times, '%S+$'))
if ends and ends < 253402300799999 then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends - 1 + 86400000))
end
