-- ARGV: how many, then the last member of the page before and its score. Answers members and scores, in the set's order.
-- That member may have moved or gone: the next one is looked for where it would be, between neighbours of its score.
@include index
local many, last, score = tonumber(ARGV[1]), ARGV[2], ARGV[3]
-- Lua compares by the server's locale, the set by bytes.
local function is_after(one, other)
  for i = 1, #one do
    local a, b = string.byte(one, i), string.byte(other, i) or -1
    if a ~= b then return a > b end
  end
  return false
end
local from = redis.call('ZCOUNT', key, '-inf', now)
if last then
  local low = math.max(from, redis.call('ZCOUNT', key, '-inf', '(' .. score))
  local high = redis.call('ZCOUNT', key, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_after(redis.call('ZRANGE', key, middle, middle)[1], last) then high = middle else low = middle + 1 end
  end
  from = low
end
return redis.call('ZRANGE', key, from, from + many - 1, 'WITHSCORES')
