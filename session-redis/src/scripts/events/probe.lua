-- Tries each command that only the scripts of events use, and leaves nothing behind.
@include try
try('XADD', key, '*', '-', '-')
try('XGROUP', 'CREATE', key, '-', '0')
try('XACK', key, '-', '0-0')
try('XCLAIM', key, '-', '-', 0, '0-0')
redis.pcall('UNLINK', key)
return table.concat(refused, ', ')
