-- An operation that gives a live session a new id. Answers a list: its own answer and, if it was carried out, what is to
-- be told: the fields.
@include told/fields
@include told/unexpired
@include told/operate
if type(answer) == 'number' and answer <= 0 then return answer end
@include told/keep
@include now
-- Sent again it finds what is not told yet.
if answer ~= 1 then
  local untold = redis.call('HGET', KEYS[1], 'u') or ''
  redis.call('HSET', KEYS[1], 'u', untold .. string.format('rotated %.0f ', now))
end
return {answer, unpack(redis.call('HMGET', KEYS[1], unpack(fields)))}
