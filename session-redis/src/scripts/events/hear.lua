-- Hands out events to one of a group. ARGV: the group, how many, after how many milliseconds what was not acknowledged is
-- handed out again, whether to look for such. Answers a list of id, how often it was handed out, and its fields.
-- All of the group are one consumer to Redis: what one of them has not acknowledged is anybody's.
local key, group, many, after, look = KEYS[1], unpack(ARGV)
local handed = {}
if look == '1' then
  local pending = redis.pcall('XPENDING', key, group, 'IDLE', after, '-', '+', many)
  for _, waiting in ipairs(pending) do
    local id, times = waiting[1], waiting[4]
    local claimed = redis.call('XCLAIM', key, group, 'all', after, id)[1]
    if claimed and claimed[2] then
      handed[#handed + 1] = {id, times + 1, claimed[2]}
    else
      -- The stream does not remember it any more.
      redis.call('XACK', key, group, id)
    end
  end
end
local left = many - #handed
if left > 0 then
  local new = redis.pcall('XREADGROUP', 'GROUP', group, 'all', 'COUNT', left, 'STREAMS', key, '>')
  if type(new) == 'table' and new.err then
    -- The group was lost with its stream.
    redis.call('XGROUP', 'CREATE', key, group, '0', 'MKSTREAM')
    redis.call('PEXPIRE', key, 2592000000)
  elseif new then
    for _, entry in ipairs(new[1][2]) do handed[#handed + 1] = {entry[1], 1, entry[2]} end
  end
end
return handed
