-- The answer: the time; or a list of it, the end that the index has to know of first, and whose entry that is.
if lacks then return {now, lacks, redis.call('HGET', key, 'p')} end
return now
