-- The tombstone keeps what is to be told of the session until it is told, for a day at most.
local had, told = digest, redis.call('HMGET', KEYS[1], unpack(fields))
@include told/operate
if had and redis.call('HEXISTS', KEYS[1], 'd') == 0 then
  local ended = redis.call('HGET', KEYS[1], 'm')
  told[1] = (told[1] or '') .. kind .. ' ' .. (expired and string.match(times, '%S+$') or ended) .. ' '
  for i, field in ipairs(fields) do
    if told[i] then redis.call('HSET', KEYS[1], field, told[i]) end
  end
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ended + 86400000))
elseif answer ~= 1 then
  return {answer}
end
-- Sent again it finds what is not told yet.
return {answer, unpack(redis.call('HMGET', KEYS[1], unpack(fields)))}
