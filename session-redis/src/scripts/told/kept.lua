-- Carries the operation out and keeps what it leaves.
@include told/operate
@include told/keep
return answer
