-- An operation that gives a live session a new id. Answers a list: its own answer and, if it was carried out, what is to
-- be told: kind, when, and the fields.
@include told/fields
@include told/unexpired
local function operate()
@operation
end
local answer = operate()
if type(answer) == 'number' and answer <= 0 then return answer end
@include told/keep
@include now
return {answer, 'rotated', now, unpack(redis.call('HMGET', KEYS[1], unpack(fields)))}
