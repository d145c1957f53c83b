-- ARGV: the operation's id. Over a tombstone nothing is written: the first end is the one that counts.
local key, op = KEYS[1], ARGV[1]
if redis.call('HEXISTS', key, 'y') == 1 then return 1 end
@include now
@include tombstone
