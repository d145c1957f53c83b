redis.call('HSET', key, 's', now, 'r', now)
redis.call('HDEL', key, 'n', 'N', 'o', 'O')
