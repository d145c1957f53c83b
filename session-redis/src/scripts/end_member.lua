-- Ends the session of a principal, or of a sign-in that has not come to its record yet. An entry that names a session
-- of somebody else's is an old one, and ends nothing. ARGV: the operation's id, the principal's name.
-- Answers 0 when there was nothing to end.
local key, op = KEYS[1], ARGV[1]
local ended, whose = unpack(redis.call('HMGET', key, 'y', 'p'))
if ended or (whose and string.match(whose, ' (.*)') ~= ARGV[2]) then return 0 end
@include now
@include tombstone
