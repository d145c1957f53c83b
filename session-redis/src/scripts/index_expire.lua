-- The index lives as long as the last of what is in it.
local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
if last and tonumber(last) < NEVER then redis.call('PEXPIREAT', key, last) else redis.call('PERSIST', key) end
