-- This was told of the session: kind and moment of each event, as they were answered. ARGV: that, then the fields to
-- tell. Answers whether a record went.
local told = table.remove(ARGV, 1)
@include told/expired
if expired and string.find(told, 'expired ', 1, true) then
  redis.call('UNLINK', KEYS[1])
  return 1
end
local untold = redis.call('HGET', KEYS[1], 'u')
if not untold then return 0 end
-- Others may have told some of it, too, and something may have happened since.
for event in string.gmatch(told, '%S+ %S+ ') do
  local first, last = string.find(untold, event, 1, true)
  if first then untold = string.sub(untold, 1, first - 1) .. string.sub(untold, last + 1) end
end
if untold ~= '' then
  redis.call('HSET', KEYS[1], 'u', untold)
elseif digest then
  redis.call('HDEL', KEYS[1], 'u')
else
  redis.call('HDEL', KEYS[1], unpack(ARGV))
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', times + 120000))
end
return 0
