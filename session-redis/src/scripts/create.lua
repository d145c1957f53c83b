-- ARGV: digest, idle, absolute, touch, then what HSET takes for principal and attributes.
-- Answers the time; 1 when this record is there already; -1 over a tombstone; -2 over another record.
local key, digest, idle, stop, touch = KEYS[1], unpack(ARGV, 1, 4)
if redis.call('HEXISTS', key, 'm') == 1 then
  local current, ended = unpack(redis.call('HMGET', key, 'd', 'y'))
  if current then return current == digest and 1 or -2 end
  if ended then return -1 end
end
@include now
if stop ~= '-' then stop = string.format('%.0f', math.min(now + stop, 253402300799999)) end
@include extend
local times = string.format('%.0f %.0f %s %s %.0f', now, now, idle, stop, extended)
local last = #ARGV
local first = math.min(last, 4004) + 1
redis.call('HSET', key, 'd', digest, 'm', times, unpack(ARGV, 5, first - 1))
@include set
if extended < NEVER then redis.call('PEXPIREAT', key, extended - 1) end
return now
