-- An operation that begins a session, where nothing is or where one has expired.
@include told/expired
if expired then redis.call('UNLINK', KEYS[1]) end
@include told/kept
