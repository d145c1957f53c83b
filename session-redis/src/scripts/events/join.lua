-- Begins a group, unless it has begun. ARGV: its name.
redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '$', 'MKSTREAM')
redis.call('PEXPIRE', KEYS[1], 2592000000)
return 1
