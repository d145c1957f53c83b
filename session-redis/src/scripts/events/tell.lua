-- Appends events. ARGV: how many the stream keeps, about; then for each how many arguments it has, and these.
local first = 2
while first <= #ARGV do
  local last = first + ARGV[first]
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, first + 1, last))
  first = last + 1
end
-- A stream ends when nothing has happened for thirty days: events may be turned off.
redis.call('PEXPIRE', KEYS[1], 2592000000)
return 1
