-- ARGV: secret, field, value, throttle. Moves the end when that is due.
local key = KEYS[1]
if redis.call('HGET', key, 'd') ~= ARGV[1] then return redis.error_reply('not there') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local created, idle, ends = string.match(redis.call('HGET', key, 'm'), '^(%d+) %d+ (%d+) %- (%d+)$')
if tonumber(ends) < now + idle then
  ends = string.format('%.0f', now + idle + ARGV[4])
  redis.call('HSET', key, 'm', string.format('%s %.0f %s - %s', created, now, idle, ends), ARGV[2], ARGV[3])
  redis.call('PEXPIREAT', key, ends)
else
  redis.call('HSET', key, ARGV[2], ARGV[3])
end
return now
