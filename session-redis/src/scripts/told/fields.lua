-- After the operation's own arguments come the fields to tell, and how many they are. The first is what is untold: kind
-- and moment of each event, each with a blank after it.
local fields = {}
for _ = 1, tonumber(table.remove(ARGV)) do table.insert(fields, 1, table.remove(ARGV)) end
