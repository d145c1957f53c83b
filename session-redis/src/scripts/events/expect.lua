-- Has a sweep look at a session in a while. ARGV: handle, the while in milliseconds ('-' for never), and what if it is
-- listed: '' then, too; 'earlier' unless it is looked at earlier; 'only' the same, and if it is not, nothing.
local key, handle, wait = KEYS[1], ARGV[1], ARGV[2]
@include now
local due = string.format('%.0f', wait == '-' and 253402300799999 or math.min(now + wait, 253402300799999))
if ARGV[3] == 'only' then
  redis.call('ZADD', key, 'XX', 'LT', due, handle)
elseif ARGV[3] == 'earlier' then
  redis.call('ZADD', key, 'LT', due, handle)
else
  redis.call('ZADD', key, due, handle)
end
-- A list outlives what is in it by two days, and no longer: events may be turned off.
local life = due - now + 172800000
if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, string.format('%.0f', life)) end
return 1
