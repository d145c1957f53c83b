local created, before, idle, stop, ends =
  string.match(redis.call('HGET', key, 'm'), '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
