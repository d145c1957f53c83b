-- Saves, and writes the times: a due touch when ARGV[4] is 1, and always with a new timeout ('' for unchanged).
-- ARGV: digest, age, touch, whether to touch, idle, absolute, cap, n, then n arguments of HSET, then the fields of
-- HDEL.
local touch, idle_set, stop_set, cap, last = ARGV[3], ARGV[5], ARGV[6], ARGV[7], 8 + ARGV[8]
@include now
@include parse
if idle_set ~= '' then idle = idle_set end
if stop_set == '-' then
  stop = '-'
elseif stop_set ~= '' then
  stop = string.format('%.0f', math.min(now + stop_set, 253402300799999))
end
@include extend
local lacks = false
if idle_set ~= '' or stop_set ~= '' or (ARGV[4] == '1' and tonumber(ends) < due) then
@include cap
  local times = string.format('%s %.0f %s %s %.0f', created, math.max(before, now), idle, stop, extended)
  redis.call('HSET', key, 'm', times, unpack(ARGV, 9, last))
@include expire
elseif last > 8 then
  redis.call('HSET', key, unpack(ARGV, 9, last))
end
if #ARGV > last then redis.call('HDEL', key, unpack(ARGV, last + 1)) end
