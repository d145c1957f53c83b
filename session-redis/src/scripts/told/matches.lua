-- An operation on a live session that leaves its end where it is.
@include told/unexpired
@operation
