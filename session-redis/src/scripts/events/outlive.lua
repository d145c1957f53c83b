-- A list outlives what is in it by two days, and no longer: events may be turned off.
local life = due - now + 172800000
if redis.call('PTTL', KEYS[1]) < life then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life)) end
