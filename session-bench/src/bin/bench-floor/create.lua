-- ARGV: secret, life, throttle, then the attributes' fields and values.
local key = KEYS[1]
if redis.call('EXISTS', key) == 1 then return redis.error_reply('there already') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = string.format('%.0f', now + ARGV[2] + ARGV[3])
local times = string.format('%.0f %.0f %s - %s', now, now, ARGV[2], ends)
redis.call('HSET', key, 'd', ARGV[1], 'm', times, unpack(ARGV, 4))
redis.call('PEXPIREAT', key, ends)
return now
