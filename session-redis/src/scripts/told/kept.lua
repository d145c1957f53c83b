-- Carries the operation out and keeps what it leaves.
local function operate()
@operation
end
local answer = operate()
@include told/keep
return answer
