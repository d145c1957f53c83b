if extended < NEVER then redis.call('PEXPIREAT', key, extended) else redis.call('PERSIST', key) end
