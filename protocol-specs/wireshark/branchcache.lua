-- Wireshark dissector of what BranchCache carries over HTTP: retrieval messages ([MS-PCCRR]), offers to a hosted cache
-- ([MS-PCHC]) and Content Information ([MS-PCCRC]) as an HTTP body ([MS-PCCRTP]).
--
--   wireshark -X lua_script:branchcache.lua trace.pcap
--   tshark -X lua_script:branchcache.lua -r trace.pcap -Y branchcache -O branchcache
--
-- Discovery is XML over UDP port 3702, which Wireshark shows by itself. On a port that Wireshark does not take for HTTP,
-- tell it: -d tcp.port==8080,http.
--
-- It runs after HTTP, on the bodies: a body with the content coding `peerdist` is one that Wireshark cannot decode, so
-- no dissector is called for it. Segment secrets are in the clear in a trace of Content Information over plain HTTP;
-- they are shown like any other field.

local branchcache = Proto("branchcache", "BranchCache")

local TYPES = {
  [0] = "MSG_NEGO_REQ", [1] = "MSG_NEGO_RESP", [2] = "MSG_GETBLKLIST", [3] = "MSG_GETBLKS",
  [4] = "MSG_BLKLIST", [5] = "MSG_BLK", [6] = "MSG_GETSEGLIST", [7] = "MSG_SEGLIST",
}
local CIPHERS = { [0] = "none", [1] = "AES_128", [2] = "AES_192", [3] = "AES_256" }
local OFFERS = { [1] = "INITIAL_OFFER_MESSAGE", [2] = "SEGMENT_INFO_MESSAGE", [3] = "BATCHED_OFFER_MESSAGE" }
local ANSWERS = { [0] = "OK", [1] = "INTERESTED" }
local HASHES_V1 = { [0x800c] = "SHA-256", [0x800d] = "SHA-384", [0x800e] = "SHA-512" }
local HASH_BYTES = { [0x800c] = 32, [0x800d] = 48, [0x800e] = 64 }
local HASHES_OFFERED = { [1] = "SHA-256", [4] = "SHA-512, truncated" }
local AGE_UNITS = { [1] = "seconds", [2] = "1/10 s", [3] = "1/100 s", [4] = "milliseconds" }

local f = {}
local function number(name, kind, title, values) f[name] = ProtoField[kind]("branchcache." .. name, title, base.DEC, values) end
local function octets(name, title) f[name] = ProtoField.bytes("branchcache." .. name, title) end

number("size", "uint32", "Size")
number("minor", "uint16", "ProtVer, minor")
number("major", "uint16", "ProtVer, major")
number("type", "uint32", "MsgType", TYPES)
number("message_size", "uint32", "MsgSize")
number("cipher", "uint32", "CryptoAlgoId", CIPHERS)
number("min_minor", "uint16", "Lowest version, minor")
number("min_major", "uint16", "Lowest version, major")
number("max_minor", "uint16", "Highest version, minor")
number("max_major", "uint16", "Highest version, major")
octets("segment_id", "SegmentID (HoHoDk)")
number("range_count", "uint32", "Ranges")
number("range_index", "uint32", "Index")
number("range_blocks", "uint32", "Count")
octets("request_id", "RequestID")
number("segment_count", "uint32", "Segments")
number("block_index", "uint32", "BlockIndex")
number("next_block_index", "uint32", "NextBlockIndex")
number("block_size", "uint32", "SizeOfBlock")
octets("block", "Block")
octets("verification", "VrfBlock")
octets("iv", "IVBlock")
number("age_unit", "uint8", "SegmentAgeUnits", AGE_UNITS)
number("age_index", "uint8", "SegmentIndex")
number("age", "uint24", "Age")
number("offer_type", "uint16", "Type", OFFERS)
number("port", "uint16", "Port")
octets("content_tag", "ContentTag")
number("offered_block_size", "uint32", "BlockSize")
number("segment_size", "uint32", "SegmentSize")
number("offered_hash", "uint8", "HashAlgorithm", HASHES_OFFERED)
number("answer", "uint8", "ResponseCode", ANSWERS)
number("version_major", "uint8", "Major version")
number("version_minor", "uint8", "Minor version")
number("hash_v1", "uint32", "dwHashAlgo", HASHES_V1)
number("hash_v2", "uint8", "bHashAlgo", { [4] = "SHA-512, truncated" })
number("offset_in_first", "uint32", "dwOffsetInFirstSegment")
number("read_in_last", "uint32", "dwReadBytesInLastSegment")
number("start_in_content", "uint64", "ullStartInContent")
number("index_of_first", "uint64", "ullIndexOfFirstSegment")
number("length_of_range", "uint64", "ullLengthOfRange")
number("offset", "uint64", "ullOffsetInContent")
number("segment_length", "uint32", "cbSegment")
number("block_length", "uint32", "cbBlockSize")
octets("hash_of_data", "SegmentHashOfData (HoD)")
octets("secret", "SegmentSecret (Kp)")
number("block_count", "uint32", "cBlocks")
octets("block_hash", "BlockHash")
number("chunk_length", "uint32", "dwChunkDataLength")

branchcache.fields = f
local malformed = ProtoExpert.new("branchcache.malformed", "malformed", expert.group.MALFORMED, expert.severity.ERROR)
branchcache.experts = { malformed }

-- A place in the bytes that moves on as fields are taken. Taking more than there is raises an error, which ends the
-- dissection of this body with a note.
local Cursor = {}
Cursor.__index = Cursor
local function cursor(range, little)
  return setmetatable({ range = range, at = 0, little = little }, Cursor)
end
function Cursor:left() return self.range:len() - self.at end
function Cursor:skip(length)
  if length < 0 or length > self:left() then error("needs " .. length .. " bytes, has " .. self:left(), 0) end
  local part = length > 0 and self.range:range(self.at, length) or nil
  self.at = self.at + length
  return part
end
function Cursor:number(tree, name, length)
  local part = self:skip(length)
  if self.little then tree:add_le(f[name], part) else tree:add(f[name], part) end
  if length == 8 then return self.little and part:le_uint64() or part:uint64() end
  return self.little and part:le_uint() or part:uint()
end
function Cursor:octets(tree, name, length)
  local part = self:skip(length)
  if part then tree:add(f[name], part) end
end
-- A length, bytes, and what fills them up to a multiple of four.
function Cursor:sized(tree, name, padded)
  local length = self:skip(4):uint()
  self:octets(tree, name, length)
  if padded then self:skip((-length) % 4) end
  return length
end

local function ranges(c, tree)
  local count = c:number(tree, "range_count", 4)
  for _ = 1, count do
    local node = tree:add(branchcache, c.range:range(c.at, math.min(8, c:left())), "Range")
    local index = c:number(node, "range_index", 4)
    local blocks = c:number(node, "range_blocks", 4)
    node:append_text(string.format(": %u to %u", index, index + blocks - 1))
  end
end

local function ages(c, tree)
  local length = c:skip(4):uint()
  if length == 0 then return end
  local blob = cursor(c:skip(length))
  local node = tree:add(branchcache, blob.range, "Segment ages")
  if blob:skip(2):uint() ~= 1 then return end
  blob:number(node, "age_unit", 1)
  for _ = 1, blob:skip(1):uint() do
    blob:number(node, "age_index", 1)
    node:add_le(f.age, blob:skip(3))
  end
end

local bodies = {}
bodies[0] = function(c, tree)
  for _, name in ipairs({ "min_minor", "min_major", "max_minor", "max_major" }) do c:number(tree, name, 2) end
end
bodies[1] = bodies[0]
bodies[2] = function(c, tree)
  c:sized(tree, "segment_id", true)
  ranges(c, tree)
end
bodies[3] = function(c, tree)
  bodies[2](c, tree)
  c:sized(tree, "verification")
end
bodies[4] = function(c, tree)
  bodies[2](c, tree)
  c:number(tree, "next_block_index", 4)
end
bodies[5] = function(c, tree)
  c:sized(tree, "segment_id", true)
  c:number(tree, "block_index", 4)
  c:number(tree, "next_block_index", 4)
  tree:add(f.block_size, c.range:range(c.at, 4))
  c:sized(tree, "block", true)
  c:sized(tree, "verification", true)
  c:sized(tree, "iv")
end
bodies[6] = function(c, tree)
  c:octets(tree, "request_id", 16)
  for _ = 1, c:number(tree, "segment_count", 4) do c:sized(tree, "segment_id", true) end
  ages(c, tree)
end
bodies[7] = function(c, tree)
  c:octets(tree, "request_id", 16)
  ranges(c, tree)
  ages(c, tree)
end

local function retrieval(range, tree, is_response)
  local c = cursor(range)
  if is_response then c:number(tree, "size", 4) end
  c:number(tree, "minor", 2)
  c:number(tree, "major", 2)
  local kind = c:number(tree, "type", 4)
  c:number(tree, "message_size", 4)
  c:number(tree, "cipher", 4)
  if not bodies[kind] then error("message type " .. kind, 0) end
  bodies[kind](c, tree)
  if c:left() > 0 then error(c:left() .. " bytes left over", 0) end
  return TYPES[kind]
end

local function content_information_v1(c, tree)
  c.little = true
  local hash = c:number(tree, "hash_v1", 4)
  local length = HASH_BYTES[hash]
  if not length then error("dwHashAlgo " .. hash, 0) end
  c:number(tree, "offset_in_first", 4)
  c:number(tree, "read_in_last", 4)
  local count = c:number(tree, "segment_count", 4)
  local nodes = {}
  for i = 1, count do
    local node = tree:add(branchcache, c.range:range(c.at, math.min(16 + 2 * length, c:left())), "Segment " .. i - 1)
    nodes[i] = node
    c:number(node, "offset", 8)
    c:number(node, "segment_length", 4)
    c:number(node, "block_length", 4)
    c:octets(node, "hash_of_data", length)
    c:octets(node, "secret", length)
  end
  for i = 1, count do
    local blocks = c:number(nodes[i], "block_count", 4)
    for _ = 1, blocks do c:octets(nodes[i], "block_hash", length) end
  end
end

local function content_information_v2(c, tree)
  c:number(tree, "hash_v2", 1)
  c:number(tree, "start_in_content", 8)
  c:number(tree, "index_of_first", 8)
  c:number(tree, "offset_in_first", 4)
  c:number(tree, "length_of_range", 8)
  local index = 0
  while c:left() > 0 do
    local kind = c:skip(1):uint()
    if kind ~= 0 then error("bChunkType " .. kind, 0) end
    local length = c:number(tree, "chunk_length", 4)
    if length == 0 or length % 68 ~= 0 then error("dwChunkDataLength " .. length, 0) end
    for _ = 1, length / 68 do
      local node = tree:add(branchcache, c.range:range(c.at, math.min(68, c:left())), "Segment " .. index)
      c:number(node, "segment_length", 4)
      c:octets(node, "hash_of_data", 32)
      c:octets(node, "secret", 32)
      index = index + 1
    end
  end
end

local function content_information(range, tree)
  local c = cursor(range)
  c:number(tree, "version_minor", 1)
  local major = c:number(tree, "version_major", 1)
  if major == 1 then
    content_information_v1(c, tree)
  elseif major == 2 then
    content_information_v2(c, tree)
  else
    error("version " .. major, 0)
  end
  if c:left() > 0 then error(c:left() .. " bytes left over", 0) end
  return "Content Information " .. major .. ".0"
end

local function offer(range, tree)
  local c = cursor(range)
  c:number(tree, "version_minor", 1)
  c:number(tree, "version_major", 1)
  local kind = c:number(tree, "offer_type", 2)
  c:skip(4)
  c:number(tree, "port", 2)
  c:skip(6)
  if kind == 1 then
    c:octets(tree, "segment_id", c:left())
  elseif kind == 2 then
    c:octets(tree, "content_tag", 16)
    local info = c:skip(c:left())
    if info then content_information(info, tree:add(branchcache, info, "SegmentInformation")) end
  elseif kind == 3 then
    while c:left() > 0 do
      local node = tree:add(branchcache, c.range:range(c.at, math.min(59, c:left())), "SegmentDescriptor")
      c:number(node, "offered_block_size", 4)
      c:number(node, "segment_size", 4)
      c:octets(node, "content_tag", c:skip(2):uint())
      c:number(node, "offered_hash", 1)
      c:octets(node, "segment_id", 32)
    end
  else
    error("type " .. kind, 0)
  end
  return OFFERS[kind]
end

local function offer_answer(range, tree)
  local c = cursor(range)
  c:number(tree, "size", 4)
  local code = c:number(tree, "answer", 1)
  return "hosted cache: " .. (ANSWERS[code] or code)
end

local request_uri = Field.new("http.request.uri")
local answered_uri = Field.new("http.response_for.uri")
local codings = Field.new("http.content_encoding")
local bodies_seen = Field.new("data.data")

local RETRIEVAL = "/116b50eb-ece2-41ac-8429-9f9e963361b7"
local HOSTED_1 = "/c574ac30-5794-4aee-b1bb-6651c5315029"
local HOSTED_2 = "/0131501b-d67f-491b-9a40-c4bf27bcb4d4"

-- What to make of a body, by the address it was sent to or answers, and its coding.
local function dissector_of(request, answered, coding)
  local uri = string.lower(request or answered or "")
  local function at(path) return string.find(uri, path, 1, true) end
  if at(RETRIEVAL) then
    return function(range, tree) return retrieval(range, tree, request == nil) end
  end
  if at(HOSTED_1) or at(HOSTED_2) then return request and offer or offer_answer end
  if request == nil and coding and string.lower(coding) == "peerdist" then return content_information end
  return nil
end

function branchcache.dissector(_, pinfo, tree)
  local requests, answers, coded = { request_uri() }, { answered_uri() }, { codings() }
  for i, body in ipairs({ bodies_seen() }) do
    local text = function(info) return info and tostring(info.value) or nil end
    local dissect = dissector_of(text(requests[i]), text(answers[i]), text(coded[i]))
    if dissect then
      local node = tree:add(branchcache, body.range)
      local ok, summary = pcall(dissect, body.range, node)
      if ok then
        node:append_text(", " .. summary)
        pinfo.cols.info:append(" [" .. summary .. "]")
      else
        node:add_proto_expert_info(malformed, "BranchCache: " .. tostring(summary))
      end
    end
  end
end

register_postdissector(branchcache)
