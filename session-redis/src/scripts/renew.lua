-- ARGV: digest, age, new digest. Answers the time when that is the candidate, 1 when it is not due.
@include match
@include now
local current, candidate, made = unpack(redis.call('HMGET', key, 'd', 'n', 'N'))
if current ~= digest then return 1 end
if candidate == ARGV[3] then return now end
if candidate and made + 60000 + ARGV[2] >= now then return 1 end
redis.call('HSET', key, 'n', ARGV[3], 'N', now)
return now
