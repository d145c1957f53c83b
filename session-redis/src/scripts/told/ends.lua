-- An operation that ends whatever is there. Answers a list, as a rotation does. The last argument is why it ends.
local kind = table.remove(ARGV)
@include told/fields
@include told/expired
if expired then kind = 'expired' end
@include told/end
