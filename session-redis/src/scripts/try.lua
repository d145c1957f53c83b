-- Tries a command on a key under which nothing lies. Answered are those that the user may not use. (What else is wrong,
-- as a full memory, is for later.)
local key, refused = KEYS[1], {}
local function try(name, ...)
  local reply = redis.pcall(name, ...)
  if type(reply) == 'table' and reply.err and (reply.err:find("can't run") or reply.err:find('NOPERM')) then
    refused[#refused + 1] = name
  end
end
