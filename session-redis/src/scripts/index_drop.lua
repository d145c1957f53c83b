-- Sessions that have ended. ARGV: when it entered ('' for whenever), their handles.
@include index
for i = 2, #ARGV do
  if ARGV[1] == '' or redis.call('ZSCORE', key, '@' .. ARGV[i]) == '-' .. ARGV[1] then
    redis.call('ZREM', key, ARGV[i], '@' .. ARGV[i])
  end
end
@include index_expire
return now
