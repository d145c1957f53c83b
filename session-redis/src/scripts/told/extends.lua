-- An operation on a live session that may move its end.
@include told/unexpired
@include told/kept
