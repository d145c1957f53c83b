-- What a sweep finds under a session's key. ARGV: the fields to tell.
-- Answers a list: when the session ends ('' if it has), then the fields if anything is to be told.
@include told/expired
local told = redis.call('HMGET', KEYS[1], unpack(ARGV))
local ends = digest and string.match(times, '%S+$')
if expired then told[1] = (told[1] or '') .. 'expired ' .. ends .. ' ' end
local until_then = ends and not expired and ends or ''
if not told[1] then return {until_then} end
return {until_then, unpack(told)}
