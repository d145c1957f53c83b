-- The record goes first: it does so also when memory is full, and what follows it may then be written.
redis.call('UNLINK', key)
redis.call('HSET', key, 'm', now, 'y', op)
redis.call('PEXPIREAT', key, now + 120000)
return now
