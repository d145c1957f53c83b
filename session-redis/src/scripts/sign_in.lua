-- A rotation whose next two arguments of HSET are the principal, as the record has it: when it entered the index,
-- and its name. Answers -2 when the session is another principal's.
if redis.call('HGET', KEYS[1], 'd') == ARGV[7] then return 1 end
@include match
local principal = redis.call('HGET', key, 'p')
if principal and string.match(principal, ' .*') ~= string.match(ARGV[9], ' .*') then return -2 end
@include change
@include rotated
return now
