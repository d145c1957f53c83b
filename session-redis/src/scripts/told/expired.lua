-- Whether the record has expired: it stays there until that is told. A tombstone, which has no digest, has not.
local expired = false
local digest, times = unpack(redis.call('HMGET', KEYS[1], 'd', 'm'))
if digest then
  local time = redis.call('TIME')
  expired = tonumber(string.match(times, '%S+$')) <= time[1] * 1000 + math.floor(time[2] / 1000)
end
