-- Sets what begins at `first`, up to `last`, and removes the rest. Lua passes no more than 8000 arguments to a call.
for at = first, last, 4000 do redis.call('HSET', key, unpack(ARGV, at, math.min(at + 3999, last))) end
for at = last + 1, #ARGV, 4000 do redis.call('HDEL', key, unpack(ARGV, at, math.min(at + 3999, #ARGV))) end
