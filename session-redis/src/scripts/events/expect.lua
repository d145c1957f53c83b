-- Has a sweep look at a session, in half a day at the latest: see `release`. ARGV: handle, how, and when: 'at' a moment;
-- or after some milliseconds ('-' for any), unless it is to be looked at 'earlier'; or the same 'only' if it is listed.
local key, handle, how, when = KEYS[1], unpack(ARGV)
@include now
local due = now + 43200000
if how == 'at' then due = math.min(when, due) elseif when ~= '-' then due = math.min(now + when, due) end
due = string.format('%.0f', due)
if how == 'at' then
  redis.call('ZADD', key, due, handle)
elseif how == 'only' then
  redis.call('ZADD', key, 'XX', 'LT', due, handle)
else
  redis.call('ZADD', key, 'LT', due, handle)
end
@include events/outlive
return 1
