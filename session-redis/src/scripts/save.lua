-- ARGV: digest, age, n, then n arguments of HSET, then the fields of HDEL.
-- HSET comes first: when memory is full it is refused, and nothing has been written yet.
@include match
local last = 3 + ARGV[3]
local first = 4
@include set
return 1
