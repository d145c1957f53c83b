-- ARGV: when it was ('' for now), how long to remember it ('-' for ever), the handle to keep ('' for none), how many.
-- Answers a list of when it was and of that many handles at most, which have to be ended and then dropped.
@include index
local at, remember, kept, many = unpack(ARGV)
if at == '' then
  at = string.format('%.0f', now)
  redis.call('ZADD', key, -at, '#revoked')
  redis.call('ZADD', key, 'GT', remember == '-' and NEVER or math.min(now + remember, NEVER), '#until')
  -- Whoever is kept has entered after the revocation, as it were.
  if kept ~= '' then redis.call('ZADD', key, 'XX', -at - 1, '@' .. kept) end
@include index_expire
end
local answer = {at}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, -at, 0, 'LIMIT', 0, many + 1)) do
  if member ~= '#revoked' and #answer <= tonumber(many) then answer[#answer + 1] = string.sub(member, 2) end
end
return answer
