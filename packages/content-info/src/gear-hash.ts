/**
 * The rolling hash of the cutter: for each byte, hash = 2 hash + GEAR[byte] modulo 2^32, as a signed number.
 * Table and scans share a module: only then does V8 treat the table as a constant.
 */

/**
 * The 32 hashes SHA-256("BranchCache V2 cutter table " + k), k from 0 to 31 in ASCII decimal, joined and read as
 * 256 little-endian signed numbers. Frozen: see docs/cutting.md.
 */
// biome-ignore format: a table
const GEAR: Int32Array = new Int32Array([
  -1706259171, -1816391621, -694142597, -1128366081, 1714347153, -1478089583, 14036697, -1500506064,
  -336292063, 415384227, -2049072296, -1557621949, 333650844, -354605101, -729808604, -983151893,
  -1792550303, -2121486765, 2041015308, 1333186333, 440846876, 1156161643, 2110010890, -911452077,
  1784248459, 869077806, 1525246614, -1526756593, 489612824, -845694524, 1252527387, 754604539,
  874178654, -577553866, -2021808514, 129743489, -2146375309, 786553497, 2002674447, 1418351828,
  -1055840278, 1229848277, -1973399043, -1623699023, -1093488241, -841604197, -164631288, -377754876,
  1642385730, -527731675, -284160325, -1959064543, 1791194496, 991066616, 1645509433, -1876704515,
  -737394798, -445001922, 52515369, 59805704, -1194705975, 1259072597, 445026702, 1911276676,
  1610237818, -1752712783, -393947281, -1835692096, 1309004768, 1710764978, 1189493859, -1986023688,
  280402058, 789176740, 935370152, 1659149773, -889432921, -1215549430, -1090008005, 582221196,
  -1012959039, 1741897379, 1845793992, -172080898, -1392071840, -274030253, -215231348, 1853790102,
  -375707993, 701943114, -105889185, -1909774712, -1329137334, 783310988, -1167889638, -1391251637,
  365209070, -838377870, 1542182070, 115771989, -1234714155, 1618909183, -2104826188, 336720114,
  -689021981, 281992849, 1396630320, -338649879, -145787311, -639233810, -1004949816, 579045236,
  -2138842878, -326360958, 2019881841, -296035504, -213183341, -196047845, -2001563149, 263371713,
  -1450348740, -837546758, 1793939491, 1077433346, -767010232, -1249966484, 2007530265, -80602098,
  -335877274, 676645366, 542838082, -1205758575, -168782530, -328164876, -1643863308, -1189662858,
  -1382173076, 2062893680, -322763117, -1514420877, 1463887864, 1124562708, 1048052749, 1939074794,
  1455721398, 278071259, -1708590502, -744776140, -1513168847, 1350745938, -1626357356, -1141711967,
  216159723, 1592585906, -1764687760, -1202207044, -933282506, 825470914, 1666349868, -291576955,
  1214049964, 143665174, -1483887210, 28651688, 1411606407, 1567999937, -1642346829, 1649037334,
  99595687, 491326322, -1663380086, 608911386, 1251318825, 1866136402, -1226202786, -1323996717,
  -1536665028, -508738021, -347714113, 1521431420, -1568402800, -1063688405, 1088281412, 379110342,
  -259961039, -2080201555, -1337200540, -823442167, -1525361649, 1972475344, 556777516, 1445740823,
  -1787809575, -1835688105, -949675304, 74572269, -1054040809, 2100215368, -1190141821, 2125706015,
  -1539598049, 865796400, -826889268, 363125252, -1617822195, -1756370483, 208378988, -394510758,
  -1653444830, -1933523368, -1693648492, -166820834, -669865418, -1994007600, -959902340, -450096512,
  -955584019, 1753241222, -397859754, -1392509238, -536022960, -1010381143, 668850756, 481980486,
  -1111498413, -1999100988, 316731709, -689162402, -1492547953, 182688883, -1111499157, -1801921730,
  1621157931, 706361083, 1592316402, -2087473665, 1890234802, -1586951807, 841628809, 1157090595,
  2107470285, 32496250, -1082901510, 2069947323, 1725996402, -383827038, -1480312873, -1688614376,
  -386152135, 681600401, -561848257, -113157305, 783222901, -18714828, -1128563410, -431376836,
]);

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

let carriedHash = 0;

/**
 * The hash at the end of the last scan that found nothing, until the next scan. A function of its own, because an object
 * that carries both results would cost more than the scan of a short run.
 */
export function hashAfterScan(): number {
  return carriedHash;
}

/** Rolls the hash on over a few bytes. */
export function rollHash(bytes: Uint8Array, startHash: number, from: number, end: number): number {
  let hash = startHash;
  for (let at = from; at < end; at++) hash = ((hash << 1) + GEAR[bytes[at]!]!) | 0;
  return hash;
}

/** The index after the first byte that brings the hash below the limit; -1 if none before `end` does. */
export function scan(bytes: Uint8Array, startHash: number, from: number, end: number, limit: number): number {
  const aligned = Math.min(from + (-(bytes.byteOffset + from) & 3), end);
  let found = scanBytes(bytes, startHash, from, aligned, limit);
  if (found < 0 && LITTLE_ENDIAN) found = scanWords(bytes, carriedHash, ~found, end, limit);
  if (found < 0) found = scanBytes(bytes, carriedHash, ~found, end, limit);
  return found < 0 ? -1 : found;
}

/** As `scan`, but `~end` where nothing is found. */
function scanBytes(bytes: Uint8Array, startHash: number, from: number, end: number, limit: number): number {
  let hash = startHash;
  for (let at = from; at < end; at++) {
    hash = ((hash << 1) + GEAR[bytes[at]!]!) | 0;
    if (hash < limit) return at + 1;
  }
  carriedHash = hash;
  return ~end;
}

/**
 * As `scan`, from an index at a multiple of 4 in the buffer and in runs of 8 bytes; `~at` where nothing is found
 * up to `at`. Words instead of bytes, and two bytes at a step: more than twice as fast as the plain loop.
 */
function scanWords(bytes: Uint8Array, startHash: number, from: number, end: number, limit: number): number {
  const words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
  const first = (bytes.byteOffset + from) >>> 2;
  let index = first;
  let hash = startHash;
  let odd = 0;
  for (const last = first + ((end - from) >> 2) - 2; index <= last; index += 2) {
    const left = words[index]!;
    const left0 = GEAR[left & 0xff]!;
    const left1 = GEAR[(left >>> 8) & 0xff]!;
    const left2 = GEAR[(left >>> 16) & 0xff]!;
    const left3 = GEAR[left >>> 24]!;
    odd = ((hash << 1) + left0) | 0;
    hash = ((hash << 2) + (((left0 << 1) + left1) | 0)) | 0;
    if (odd < limit) return from + 4 * (index - first) + 1;
    if (hash < limit) return from + 4 * (index - first) + 2;
    odd = ((hash << 1) + left2) | 0;
    hash = ((hash << 2) + (((left2 << 1) + left3) | 0)) | 0;
    if (odd < limit) return from + 4 * (index - first) + 3;
    if (hash < limit) return from + 4 * (index - first) + 4;
    const right = words[index + 1]!;
    const right0 = GEAR[right & 0xff]!;
    const right1 = GEAR[(right >>> 8) & 0xff]!;
    const right2 = GEAR[(right >>> 16) & 0xff]!;
    const right3 = GEAR[right >>> 24]!;
    odd = ((hash << 1) + right0) | 0;
    hash = ((hash << 2) + (((right0 << 1) + right1) | 0)) | 0;
    if (odd < limit) return from + 4 * (index - first) + 5;
    if (hash < limit) return from + 4 * (index - first) + 6;
    odd = ((hash << 1) + right2) | 0;
    hash = ((hash << 2) + (((right2 << 1) + right3) | 0)) | 0;
    if (odd < limit) return from + 4 * (index - first) + 7;
    if (hash < limit) return from + 4 * (index - first) + 8;
  }
  carriedHash = hash;
  return ~(from + 4 * (index - first));
}
