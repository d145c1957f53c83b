-- Carries the operation out.
local function operate()
@operation
end
local answer = operate()
