-- Notes the use in any case, and moves the end when that is due. ARGV: digest, age, touch.
@include match
@include now
@include parse
local touch = ARGV[3]
@include extend
local moves = tonumber(ends) < due
if moves then ends = extended end
redis.call('HSET', key, 'm', string.format('%s %.0f %s %s %.0f', created, math.max(before, now), idle, stop, ends))
if moves then
@include expire
end
return now
