-- After the operation's own arguments come the fields to tell, and how many they are.
local fields = {}
for _ = 1, tonumber(table.remove(ARGV)) do table.insert(fields, 1, table.remove(ARGV)) end
