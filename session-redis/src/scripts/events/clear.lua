-- The end of this session was told. ARGV: the fields that a tombstone has kept for it. Answers whether a record went.
@include told/expired
if expired then
  redis.call('UNLINK', KEYS[1])
  return 1
end
if times and not digest and redis.call('HDEL', KEYS[1], 'e', 'E', unpack(ARGV)) > 0 then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', times + 120000))
end
return 0
