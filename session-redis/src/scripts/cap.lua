-- A principal's session never outlives its entry in the index: its end moves no further than `cap`, which the caller
-- has seen there ('' for nothing seen). What it then lacks is told to the caller.
lacks = false
if cap ~= '' or redis.call('HEXISTS', key, 'p') == 1 then
  local most = cap == '' and tonumber(ends) or tonumber(cap)
  if extended > most then lacks, extended = extended, most end
end
