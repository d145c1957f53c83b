-- ARGV: digest, age, the operation's id. Sent again, it finds its own tombstone.
local op = ARGV[3]
if redis.call('HGET', KEYS[1], 'y') == op then return 1 end
@include match
@include now
@include tombstone
