local found = redis.call('HMGET', KEYS[1], 'd', 'm')
if found[1] ~= ARGV[1] then return redis.error_reply('not there') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local created, idle, expires = string.match(found[2], '^(%d+) %d+ (%d+) %S+ (%d+)$')
if tonumber(expires) <= now then return redis.error_reply('expired') end
if ARGV[3] == '1' and tonumber(expires) < now + idle then
  expires = string.format('%.0f', now + idle + ARGV[2])
  local meta = string.format('%s %.0f %s - %s', created, now, idle, expires)
  redis.call('HSET', KEYS[1], 'm', meta, ARGV[4], ARGV[5])
  redis.call('PEXPIREAT', KEYS[1], expires)
else
  redis.call('HSET', KEYS[1], ARGV[4], ARGV[5])
end
return now
