/**
 * What must happen as one step, as scripts for the engine. Each touches one key, so that it runs wherever that
 * key's slot lives. Plain Lua 5.1 arithmetic: engines other than Redis bring no bit library.
 *
 * A segment is one hash: `m` head (its first 8 bytes name this version of head and facts), `f` facts, `h` and `w` bitmaps of
 * held and verified blocks, `n` bytes held, `u` last use, `x` hits, `p` pins, `b<index>` blocks. Without pins
 * it has a time to live, so that the engine may evict it (policy `volatile-*`); with pins it has none.
 */

const BITS = `
local function has(bits, i)
  local byte = bits and string.byte(bits, math.floor(i / 8) + 1) or 0
  return math.floor(byte / 2 ^ (i % 8)) % 2 == 1
end
local function flip(bits, i)
  local at = math.floor(i / 8) + 1
  local step = has(bits, i) and -(2 ^ (i % 8)) or 2 ^ (i % 8)
  return string.sub(bits, 1, at - 1) .. string.char(string.byte(bits, at) + step) .. string.sub(bits, at + 1)
end
local function empty(bits) return string.find(bits, '[^%z]') == nil end
`;

/**
 * ARGV: version the caller knows ('' for none), new head, new facts ('' to keep both), index, block ('' for none), 1 if it is
 * verified, time of use, time to live in ms, bytes of a bitmap, bytes of a block's header.
 * Gives {0, head, facts, held, verified, pins} if the version is another one, {1, 1 if created} once stored,
 * and {2} where such a block is held.
 */
const PUT = `${BITS}
local key, index, verified = KEYS[1], tonumber(ARGV[4]), ARGV[6] == '1'
local r = redis.call('HMGET', key, 'm', 'f', 'h', 'w', 'p')
if (r[1] and string.sub(r[1], 1, 8) or '') ~= ARGV[1] then return {0, r[1], r[2], r[3], r[4], r[5]} end
if ARGV[2] ~= '' and (r[1] or ARGV[5] ~= '') then redis.call('HSET', key, 'm', ARGV[2], 'f', ARGV[3]) end
if ARGV[5] == '' or has(r[4], index) or (not verified and has(r[3], index)) then return {2} end
local none = string.rep(string.char(0), tonumber(ARGV[9]))
local held, sure = r[3] or none, r[4] or none
local field, grown = 'b' .. index, #ARGV[5]
if has(held, index) then grown = grown - redis.call('HSTRLEN', key, field)
else held = flip(held, index); grown = grown - tonumber(ARGV[10]) end
if verified then sure = flip(sure, index) end
redis.call('HSET', key, field, ARGV[5], 'h', held, 'w', sure, 'u', ARGV[7])
redis.call('HINCRBY', key, 'n', grown)
if not r[1] then redis.call('PEXPIRE', key, ARGV[8]) end
return {1, r[1] and 0 or 1}`;

/** ARGV: index, bytes of a block's header. Gives {0} if it is not held, {1, bytes} if others stay, {2, bytes} with the last one. */
const DROP = `${BITS}
local key, index = KEYS[1], tonumber(ARGV[1])
local r = redis.call('HMGET', key, 'h', 'w', 'n')
if not has(r[1], index) then return {0} end
local held, sure = flip(r[1], index), r[2]
if empty(held) then
  redis.call('UNLINK', key)
  return {2, tonumber(r[3])}
end
if has(sure, index) then sure = flip(sure, index) end
local bytes = math.max(0, redis.call('HSTRLEN', key, 'b' .. index) - tonumber(ARGV[2]))
redis.call('HDEL', key, 'b' .. index)
redis.call('HSET', key, 'h', held, 'w', sure)
redis.call('HINCRBY', key, 'n', -bytes)
return {1, bytes}`;

/** ARGV: 1 if pinned ones go too. Gives the bytes held, or -1 where nothing went. */
const REMOVE = `
local r = redis.call('HMGET', KEYS[1], 'n', 'p')
if redis.call('EXISTS', KEYS[1]) == 0 or (ARGV[1] ~= '1' and tonumber(r[2] or 0) > 0) then return -1 end
redis.call('UNLINK', KEYS[1])
return tonumber(r[1] or 0)`;

/** ARGV: pins more or less, time to live in ms without any. Gives 1, or 0 where there is no segment. */
const PIN = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local pins = math.max(0, tonumber(redis.call('HGET', KEYS[1], 'p') or 0) + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'p', pins)
if pins > 0 then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`;

/** ARGV: reads, time of the last. */
const TOUCH = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'x', ARGV[1])
if tonumber(redis.call('HGET', KEYS[1], 'u') or 0) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'u', ARGV[2]) end
return 1`;

/** ARGV: time to live in ms, for what has no pins. */
const AGE = `
if tonumber(redis.call('HGET', KEYS[1], 'p') or 0) > 0 then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`;

export const scripts = { PUT, DROP, REMOVE, PIN, TOUCH, AGE } as const;
export type ScriptName = keyof typeof scripts;
