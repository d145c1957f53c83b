-- The record goes first: it does so also when memory is full, and what follows it may then be written.
-- Answers the time, with whose session it was if it was anybody's.
local principal = redis.call('HGET', key, 'p')
redis.call('UNLINK', key)
redis.call('HSET', key, 'm', now, 'y', op)
redis.call('PEXPIREAT', key, now + 120000)
if principal then return {now, 0, principal} end
return now
