// The application's icon on a phone's screen, drawn without a picture library: a roof and its door on blue.
import { deflateSync } from "node:zlib";

const BLUE = [0x14, 0x50, 0x8f];
const WHITE = [0xff, 0xff, 0xff];
const LINES = [
  [8, 23, 8, 13], [8, 13, 16, 8], [16, 8, 24, 13], [24, 13, 24, 23], [13, 23, 13, 17], [13, 17, 19, 17], [19, 17, 19, 23],
]; // of a field of 32, as in templates/_ui/marks.html
const HALF = 1.2; // of a line's width
const SCALE = 0.8; // a phone cuts the corners off

function distance(x, y, [x1, y1, x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}

function colour(column, row, size) {
  const [x, y] = [column, row].map((place) => 16 + (((place + 0.5) / size) * 32 - 16) / SCALE);
  const near = Math.min(...LINES.map((line) => distance(x, y, line)));
  const share = Math.max(0, Math.min(1, ((HALF - near) * SCALE * size) / 32 + 0.5)); // smooth edges
  return BLUE.map((blue, place) => Math.round(blue + (WHITE[place] - blue) * share));
}

const CRC = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function chunk(name, bytes) {
  const body = Buffer.concat([Buffer.from(name), bytes]);
  let crc = 0xffffffff;
  for (const byte of body) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(bytes.length);
  ends.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

// A PNG of that many pixels a side.
export function appIcon(size) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size);
  head.writeUInt32BE(size, 4);
  head.set([8, 2, 0, 0, 0], 8); // 8 bits of red, green and blue
  const rows = Buffer.alloc(size * (size * 3 + 1));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) rows.set(colour(column, row, size), row * (size * 3 + 1) + 1 + column * 3);
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}
