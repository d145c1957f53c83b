-- An operation on a live session that may move its end.
@include told/unexpired
local function operate()
@operation
end
local answer = operate()
@include told/keep
return answer
