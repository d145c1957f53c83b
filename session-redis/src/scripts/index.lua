-- The index of a principal is one sorted set: each session's handle, scored by when its entry expires; with '@' before
-- it, scored by minus the time at which it entered, or by 0 when a limit has marked it to be ended; '#revoked' by
-- minus the time of the last logout everywhere; '#until' by when that may be forgotten.
local key = KEYS[1]
local NEVER = 253402300799999
@include now
