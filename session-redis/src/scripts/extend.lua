-- Of idle and stop (text, '-' for none) and touch, the node's throttle: `due` is the moment before which an end
-- has to be moved, `extended` where to. Numbers are doubles: a moment is written with %.0f.
local NEVER = 253402300799999
local latest = stop == '-' and NEVER or math.min(stop, NEVER)
local due, extended = latest, latest
if idle ~= '-' then
  due = math.min(now + idle, latest)
  extended = math.min(now + idle + math.min(touch, math.floor(idle / 10)), latest)
end
