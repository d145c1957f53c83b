-- What has expired is not there for any operation that looks for a match.
@include told/expired
if expired then return tonumber(ARGV[2]) >= 120000 and -1 or 0 end
