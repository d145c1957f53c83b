-- ARGV: digest, age, n, then n arguments of HSET, then the fields of HDEL.
-- HSET comes first: when memory is full it is refused, and nothing has been written yet.
@include match
local last = 3 + ARGV[3]
if last > 3 then redis.call('HSET', key, unpack(ARGV, 4, last)) end
if #ARGV > last then redis.call('HDEL', key, unpack(ARGV, last + 1)) end
return 1
