-- Before the end of a principal's session moves. ARGV: handle, when it entered, until when its entry has to live.
-- Answers 0 when the session is not to go on: revoked since it entered, or marked by a limit.
@include index
local handle, entered, till = unpack(ARGV)
local own, revoked = redis.call('ZSCORE', key, '@' .. handle), redis.call('ZSCORE', key, '#revoked')
if own == '0' then return 0 end
if revoked and -revoked >= -(own or -entered) then return 0 end
-- What a failover has undone is healed.
if not own then redis.call('ZADD', key, -entered, '@' .. handle) end
redis.call('ZADD', key, 'GT', math.min(till, NEVER), handle)
@include index_expire
return now
