-- The first step of a sign-in. ARGV: handle, age, life ('-' for ever), limit ('' for none), whom it evicts, how many of
-- the sessions were looked at, and are alive.
-- Answers 0 when the principal was revoked over the request's head; -1 when the limit is reached and rejects; a list
-- that begins with -1, of sessions to be looked at, when the limit might be reached; else a list of when it entered,
-- when the principal was last revoked (0 for never), and the handles that have to be ended first.
@include index
local handle, age, life, limit, whom, looked = unpack(ARGV)
local revoked = redis.call('ZSCORE', key, '#revoked')
if revoked and age - revoked >= now then return 0 end

-- What has expired goes; some of it at a time.
for _, expired in ipairs(redis.call('ZRANGEBYSCORE', key, '(0', now, 'LIMIT', 0, 1000)) do
  redis.call('ZREM', key, expired, expired == '#until' and '#revoked' or '@' .. expired)
end

local own = redis.call('ZSCORE', key, '@' .. handle)
if limit ~= '' then
  local others = redis.call('ZCOUNT', key, '-inf', '(0')
  if redis.call('ZSCORE', key, '#revoked') then others = others - 1 end
  if own and tonumber(own) < 0 then others = others - 1 end
  local surplus = others + 1 - limit
  if surplus > 0 then
    local some = redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'LIMIT', looked, 1000)
    if #some > 0 then return {-1, unpack(some)} end
    if whom == 'reject' then return -1 end
    -- Among the first are the session itself, what is not a session, and what is marked already.
    local few = surplus + 2 + redis.call('ZCOUNT', key, 0, 0)
    local first = whom == 'oldest' and redis.call('ZREVRANGEBYSCORE', key, '(0', '-inf', 'LIMIT', 0, few)
      or redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'LIMIT', 0, few)
    for _, member in ipairs(first) do
      if surplus == 0 then break end
      if string.sub(member, 1, 1) ~= '@' then member = '@' .. member end
      local entered = redis.call('ZSCORE', key, member)
      if member ~= '@' .. handle and entered and tonumber(entered) < 0 then
        redis.call('ZADD', key, 0, member)
        surplus = surplus - 1
      end
    end
  end
end

if not own or tonumber(own) < 0 then redis.call('ZADD', key, -now, '@' .. handle) end
redis.call('ZADD', key, life == '-' and NEVER or math.min(now + life, NEVER), handle)
@include index_expire
local answer = {now, revoked and -revoked or 0}
for _, victim in ipairs(redis.call('ZRANGEBYSCORE', key, 0, 0)) do answer[#answer + 1] = string.sub(victim, 2) end
return answer
