-- Saves, and writes the times: a due touch if that is asked for, and always with a new timeout.
-- ARGV: digest, age, throttle, what is asked for, n, then n arguments of HSET, then the fields of HDEL.
-- What is asked for: 't' for a due touch; idle and absolute timeout, and cap, each after a blank, may follow ('' for
-- unchanged).
local touch, asked, last = ARGV[3], ARGV[4], 5 + ARGV[5]
@include now
@include parse
local lacks, first = false, 6
-- Most writes leave the times as they are, and work none out.
if asked ~= '' and (asked ~= 't' or idle == '-' or tonumber(ends) < now + idle) then
  local touches, idle_set, stop_set, cap = string.match(asked, '^(t?) ?(%S*) ?(%S*) ?(%S*)$')
  if idle_set ~= '' then idle = idle_set end
  if stop_set == '-' then
    stop = '-'
  elseif stop_set ~= '' then
    stop = string.format('%.0f', math.min(now + stop_set, 253402300799999))
  end
  @include extend
  if idle_set ~= '' or stop_set ~= '' or (touches == 't' and tonumber(ends) < due) then
    @include cap
    local times = string.format('%s %.0f %s %s %.0f', created, math.max(before, now), idle, stop, extended)
    first = math.min(last, 4005) + 1
    redis.call('HSET', key, 'm', times, unpack(ARGV, 6, first - 1))
    @include expire
  end
end
@include set
