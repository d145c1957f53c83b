-- ARGV: digest, age, field. Answers the value, or 1 where there is none.
@include match
local value = redis.call('HGET', key, ARGV[3])
if not value then return 1 end
redis.call('HDEL', key, ARGV[3])
return value
