-- ARGV: digest, age, field, 1 or 0 and the old value, 1 or 0 and the new one.
-- Answers 1, or what is there instead.
@include match
local current = redis.call('HGET', key, ARGV[3])
if current ~= (ARGV[4] == '1' and ARGV[5]) then return current end
if ARGV[6] == '1' then redis.call('HSET', key, ARGV[3], ARGV[7]) else redis.call('HDEL', key, ARGV[3]) end
return 1
