-- Appends events. ARGV: how many the stream keeps, about; then for each how many arguments it has, and these.
local first = 2
while first <= #ARGV do
  local last = first + ARGV[first]
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, first + 1, last))
  first = last + 1
end
return 1
