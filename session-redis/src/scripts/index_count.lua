-- ARGV: how much longer entries live than their sessions.
@include index
local count = redis.call('ZCOUNT', key, '(' .. string.format('%.0f', now + ARGV[1]), '+inf')
local forget = redis.call('ZSCORE', key, '#until')
if forget and forget - ARGV[1] > now then count = count - 1 end
return count - redis.call('ZCOUNT', key, 0, 0)
