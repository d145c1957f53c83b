-- Has a sweep look at a session in a while, or earlier. ARGV: handle, the while in milliseconds ('-' for never), whether
-- only if it is listed.
local key, handle, wait = KEYS[1], ARGV[1], ARGV[2]
@include now
local due = string.format('%.0f', wait == '-' and 253402300799999 or math.min(now + wait, 253402300799999))
if ARGV[3] == '1' then
  redis.call('ZADD', key, 'XX', 'LT', due, handle)
else
  redis.call('ZADD', key, 'LT', due, handle)
end
return 1
