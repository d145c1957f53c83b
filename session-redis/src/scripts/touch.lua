-- Notes the use in any case, and moves the end when that is due, or was found to be: then there is a cap.
-- ARGV: digest, age, touch, cap.
@include match
@include now
@include parse
local touch, cap = ARGV[3], ARGV[4]
@include extend
local lacks = false
local moves = cap ~= '' or tonumber(ends) < due
if moves then
@include cap
  ends = extended
end
redis.call('HSET', key, 'm', string.format('%s %.0f %s %s %.0f', created, math.max(before, now), idle, stop, ends))
if moves then
@include expire
end
@include done
