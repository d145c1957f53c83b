-- An operation that begins a session, where nothing is or where one has expired. Answers a list: its own answer and, if
-- the session is there, what is to be told of it: the fields.
@include told/fields
@include told/expired
if expired then redis.call('UNLINK', KEYS[1]) end
@include told/operate
if answer < 0 then return answer end
@include told/keep
-- Sent again it finds what is not told yet.
if answer ~= 1 then redis.call('HSET', KEYS[1], 'u', string.format('created %.0f ', answer)) end
return {answer, unpack(redis.call('HMGET', KEYS[1], unpack(fields)))}
