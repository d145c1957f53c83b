-- What came of a lease. ARGV: until when it is, then each handle and when to look again ('' for never).
-- Nothing is done to what has been moved meanwhile, nor in the second half of the lease: see `expect_soon`.
@include now
local lease = tonumber(ARGV[1])
if now > lease - 30000 then return 0 end
for i = 2, #ARGV, 2 do
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 0) == lease then
    if ARGV[i + 1] == '' then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      -- Half a day later at the latest: what has expired or ended stays for a day, and meanwhile its end may have come to
      -- be earlier. The clocks of a cluster's nodes may differ: nobody looks twice in a second.
      local due = math.max(math.min(ARGV[i + 1], now + 43200000), now + 1000)
      redis.call('ZADD', KEYS[1], string.format('%.0f', due), ARGV[i])
      @include events/outlive
    end
  end
end
return 1
