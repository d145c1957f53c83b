-- Goes on if the presented digest is the record's current one, its candidate, or its previous one within the
-- grace; else ends the script with -1 (gone) or 0 (absent). An expired record is not there: its key is gone. Where
-- there is no digest, the time is that of a tombstone.
local key, digest = KEYS[1], ARGV[1]
if redis.call('HGET', key, 'd') ~= digest then
  local time, age = redis.call('TIME'), ARGV[2]
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local current, candidate, previous, good_until, superseded, ended =
    unpack(redis.call('HMGET', key, 'd', 'n', 'o', 'O', 's', 'm'))
  if not current and ended then return ended + 2000 + age >= now and -1 or 0 end
  if not current then return tonumber(age) >= 120000 and -1 or 0 end
  if candidate ~= digest and not (previous == digest and tonumber(good_until) > now) then
    return superseded and superseded + 10000 + age >= now and -1 or 0
  end
end
