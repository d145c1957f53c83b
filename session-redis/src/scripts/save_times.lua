@include match
@include change
return now
