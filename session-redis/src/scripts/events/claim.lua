-- Leases the sessions that are due, the oldest first: nobody else looks at them meanwhile. ARGV: how many, for how long.
-- Answers until when, and which.
@include now
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
local until_then = string.format('%.0f', now + ARGV[2])
for _, handle in ipairs(due) do redis.call('ZADD', KEYS[1], until_then, handle) end
return {until_then, unpack(due)}
