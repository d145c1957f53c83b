local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.error_reply('there already') end
local idle, touch = tonumber(ARGV[2]), tonumber(ARGV[3])
local expires = now + idle + touch
local meta = string.format('%.0f %.0f %.0f - %.0f', now, now, idle, expires)
redis.call('HSET', KEYS[1], 'd', ARGV[1], 'm', meta, unpack(ARGV, 4))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', expires))
return now
