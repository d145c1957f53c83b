-- ARGV: secret, field, value.
if redis.call('HGET', KEYS[1], 'd') ~= ARGV[1] then return redis.error_reply('not there') end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
