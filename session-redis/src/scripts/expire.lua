-- A key expires after its time; a session ends at it.
if extended < NEVER then redis.call('PEXPIREAT', key, extended - 1) else redis.call('PERSIST', key) end
