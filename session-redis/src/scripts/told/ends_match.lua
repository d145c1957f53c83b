-- The same for an operation that looks for a match.
local kind = table.remove(ARGV)
@include told/fields
@include told/unexpired
@include told/end
