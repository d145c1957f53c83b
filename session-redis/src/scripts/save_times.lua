@include match
@include change
@include done
