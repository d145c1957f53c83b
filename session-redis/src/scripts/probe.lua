-- Tries each command that the scripts use, on a key under which nothing lies, and leaves nothing there. ARGV: 1 if also
-- those for events.
-- Answers '' or the commands that the user may not use. (What else is wrong, as a full memory, is for later.)
local key, refused = KEYS[1], {}
local function try(name, ...)
  local reply = redis.pcall(name, ...)
  if type(reply) == 'table' and reply.err and (reply.err:find("can't run") or reply.err:find('NOPERM')) then
    refused[#refused + 1] = name
  end
end
try('TIME')
try('HSET', key, '-', '-')
try('HGET', key, '-')
try('HMGET', key, '-')
try('HEXISTS', key, '-')
try('HDEL', key, '-')
try('PEXPIREAT', key, 1)
try('PERSIST', key)
try('UNLINK', key)
try('ZADD', key, 1, '-')
try('ZSCORE', key, '-')
try('ZCOUNT', key, 0, 0)
try('ZRANGE', key, 0, 0)
try('ZREVRANGE', key, 0, 0)
try('ZRANGEBYSCORE', key, 0, 0)
try('ZREVRANGEBYSCORE', key, 0, 0)
try('ZREM', key, '-')
if ARGV[1] == '1' then
  try('PTTL', key)
  try('PEXPIRE', key, 1)
  try('XADD', key, 'NOMKSTREAM', '*', '-', '-')
  try('XGROUP', 'CREATE', key, '-', '$')
  try('XREADGROUP', 'GROUP', '-', '-', 'STREAMS', key, '>')
  try('XPENDING', key, '-')
  try('XCLAIM', key, '-', '-', 0, '0-0')
  try('XACK', key, '-', '0-0')
end
try('UNLINK', key)
return table.concat(refused, ', ')
