-- A shown candidate becomes the current digest, the one before it the previous one. ARGV: digest, age.
@include match
@include now
local current, candidate, made = unpack(redis.call('HMGET', key, 'd', 'n', 'N'))
if candidate == digest then
  redis.call('HSET', key, 'd', digest, 'r', made, 'o', current, 'O', now + 30000)
  redis.call('HDEL', key, 'n', 'N')
end
return now
