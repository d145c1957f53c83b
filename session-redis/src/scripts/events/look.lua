-- What a sweep finds under a session's key. ARGV: the fields to tell.
-- Answers 0 for nothing to tell, when the session ends, or a list of what to tell: kind, when, and the fields.
@include told/expired
if digest and not expired then return string.match(times, '%S+$') end
local kind, at = 'expired', expired and string.match(times, '%S+$')
if not expired then kind, at = unpack(redis.call('HMGET', KEYS[1], 'e', 'E')) end
if not kind then return 0 end
return {kind, at, unpack(redis.call('HMGET', KEYS[1], unpack(ARGV)))}
