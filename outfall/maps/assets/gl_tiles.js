// How columns become vector tiles: cut out, clipped and written (MVT) in the page at the moment the engine asks for one. No GeoJSON anywhere.

const EXTENT = 8192;
const MARGIN = 384;

// A growing list of bytes that knows the two numbers vector tiles are made of.
class Bytes {
  constructor() {
    this.data = new Uint8Array(1024);
    this.at = 0;
  }

  room(count) {
    if (this.at + count <= this.data.length) return;
    const data = new Uint8Array(Math.max(2 * this.data.length, this.at + count));
    data.set(this.data);
    this.data = data;
  }

  varint(value) {
    this.room(5);
    let left = value;
    while (left > 127) {
      this.data[this.at++] = (left & 127) | 128;
      left >>>= 7;
    }
    this.data[this.at++] = left;
  }

  zigzag(value) { this.varint((value << 1) ^ (value >> 31)); }

  put(bytes) {
    this.room(bytes.length);
    this.data.set(bytes, this.at);
    this.at += bytes.length;
  }

  // A field that holds bytes.
  field(number, bytes) {
    this.varint((number << 3) | 2);
    this.varint(bytes.length);
    this.put(bytes);
  }

  done() { return this.data.subarray(0, this.at); }
}

const utf8 = new TextEncoder();

function textField(number, text) {
  const bytes = new Bytes();
  bytes.field(number, utf8.encode(text));
  return bytes.done();
}

// The values that features of one tile share, each written once: whole numbers and words.
class TileWords {
  constructor() {
    this.known = new Map();
    this.bytes = new Bytes();
  }

  of(value) {
    if (!this.known.has(value)) {
      const held = new Bytes();
      if (typeof value === 'number') { held.varint(5 << 3); held.varint(value); } else held.put(textField(1, value));
      this.bytes.field(4, held.done());
      this.known.set(value, this.known.size);
    }
    return this.known.get(value);
  }
}

// A path in tile units: moves are relative to the pen, which goes on from part to part of a feature.
class Path {
  constructor() {
    this.bytes = new Bytes();
    this.x = 0;
    this.y = 0;
  }

  step(x, y) {
    this.bytes.zigzag(x - this.x);
    this.bytes.zigzag(y - this.y);
    this.x = x;
    this.y = y;
  }

  // Corners as x, y, x, y; a ring leaves its first corner out at the end.
  trace(corners, isRing) {
    this.bytes.varint((1 << 3) | 1);
    this.step(corners[0], corners[1]);
    const rest = corners.length / 2 - 1;
    if (rest) {
      this.bytes.varint((rest << 3) | 2);
      for (let k = 2; k < corners.length; k += 2) this.step(corners[k], corners[k + 1]);
    }
    if (isRing) this.bytes.varint((1 << 3) | 7);
  }
}

// Class, name, ring of doubt, way of the water.
const TILE_KEYS = ['k', 't', 'r', 'f'];
const TILE_KIND = { points: 1, lines: 2, polygons: 3 };

// Returns one tile of a sheet as bytes. Each feature carries its class as a number and, where they are drawn, its name, its ring or its way.
function cutTile(sheet, z, x, y) {
  const { layer } = sheet;
  const scale = EXTENT * 2 ** z, left = x * EXTENT, top = y * EXTENT;
  const margin = layer.kind === 'points' ? 0 : MARGIN;
  const found = sheet.grid.find((left - margin) / scale, (top - margin) / scale, (left + EXTENT + margin) / scale, (top + EXTENT + margin) / scale);
  const { row } = layer.shape, isNarrow = sheet.isNarrowed(), names = z + 1 >= sheet.namesFrom ? layer.column[layer.label] : null;
  const words = new TileWords(), features = new Bytes(), least = z >= sheet.finest ? 1 : z < sheet.crowdedTo ? 24 : 12;
  for (let i = 0; i < found.length; i++) {
    const part = found[i];
    if (isNarrow && !sheet.isDrawn(row[part])) continue;
    const path = new Path();
    if (layer.kind === 'points') cutPoint(layer.shape, part, scale, left, top, path);
    else if (layer.kind === 'lines') cutLine(layer.shape, part, scale, left, top, least, path);
    else cutArea(layer.shape, part, scale, left, top, least, path);
    if (!path.bytes.at) continue;
    const feature = new Bytes(), tags = new Bytes();
    tags.varint(0);
    tags.varint(words.of(sheet.classes[row[part]]));
    const name = names && safeName(short(names.at(row[part]), 18));
    if (name) { tags.varint(1); tags.varint(words.of(name)); }
    const more = sheet.more && sheet.more(row[part]);
    if (more) { tags.varint(more[0]); tags.varint(words.of(more[1])); }
    feature.field(2, tags.done());
    feature.varint(3 << 3);
    feature.varint(TILE_KIND[layer.kind]);
    feature.field(4, path.bytes.done());
    features.field(2, feature.done());
  }
  const made = new Bytes(), tile = new Bytes();
  made.varint(15 << 3); made.varint(2);
  made.put(textField(1, 'rows'));
  made.put(features.done());
  for (const key of TILE_KEYS) made.put(textField(3, key));
  made.put(words.bytes.done());
  made.varint(5 << 3); made.varint(EXTENT);
  tile.field(3, made.done());
  return tile.data.slice(0, tile.at).buffer;
}

// The engine looks names up in plain objects, where constructor or __proto__ are there already: an unseen mark makes them words of ours.
function safeName(name) {
  return name in Object.prototype ? `\u200b${name}` : name;
}

// A point belongs to one tile only, so that none is drawn twice.
function cutPoint({ east, south }, part, scale, left, top, path) {
  const x = Math.round(east[part] * scale - left), y = Math.round(south[part] * scale - top);
  if (x >= 0 && y >= 0 && x < EXTENT && y < EXTENT) path.trace([x, y], false);
}

// Steps shorter than least are joined; what leaves the tile is cut off a little outside of it.
function cutLine({ east, south, start }, part, scale, left, top, least, path) {
  const low = -MARGIN, high = EXTENT + MARGIN, last = start[part + 1] - 1;
  let run = [];
  const flush = () => { if (run.length > 2) path.trace(run, false); run = []; };
  let x0 = east[start[part]] * scale - left, y0 = south[start[part]] * scale - top;
  for (let k = start[part] + 1; k <= last; k++) {
    const x1 = east[k] * scale - left, y1 = south[k] * scale - top;
    if (k < last && Math.abs(x1 - x0) < least && Math.abs(y1 - y0) < least) continue;
    const cut = clipped(x0, y0, x1, y1, low, high);
    if (cut) {
      if (!run.length) run.push(Math.round(cut[0]), Math.round(cut[1]));
      run.push(Math.round(cut[2]), Math.round(cut[3]));
    }
    if (!cut || cut[4]) flush();
    x0 = x1;
    y0 = y1;
  }
  flush();
}

// The part of a step inside the square from low to high: [x0, y0, x1, y1, whether its end was cut off]; null where there is none.
function clipped(x0, y0, x1, y1, low, high) {
  const dx = x1 - x0, dy = y1 - y0;
  let from = 0, to = 1;
  for (const [p, q] of [[-dx, x0 - low], [dx, high - x0], [-dy, y0 - low], [dy, high - y0]]) {
    if (p === 0) { if (q < 0) return null; } else if (p < 0) from = Math.max(from, q / p); else to = Math.min(to, q / p);
  }
  return from > to ? null : [x0 + from * dx, y0 + from * dy, x0 + to * dx, y0 + to * dy, to < 1];
}

// The outer ring runs clockwise on the screen, holes the other way round: so the engine tells them apart.
function cutArea({ east, south, ring, ringStart }, part, scale, left, top, least, path) {
  for (let r = ring[part]; r < ring[part + 1]; r++) {
    let corners = [];
    for (let k = ringStart[r]; k < ringStart[r + 1]; k++) {
      const x = east[k] * scale - left, y = south[k] * scale - top, n = corners.length;
      if (n && Math.abs(x - corners[n - 2]) < least && Math.abs(y - corners[n - 1]) < least) continue;
      corners.push(x, y);
    }
    for (let side = 0; side < 4 && corners.length; side++) corners = halved(corners, side);
    const flat = corners.map(Math.round);
    const isOuter = r === ring[part], area = ringArea(flat);
    if (flat.length < 6 || area === 0) { if (isOuter) return; continue; }
    if (area > 0 !== isOuter) for (let a = 0, b = flat.length - 2; a < b; a += 2, b -= 2) [flat[a], flat[a + 1], flat[b], flat[b + 1]] = [flat[b], flat[b + 1], flat[a], flat[a + 1]];
    path.trace(flat, true);
  }
}

// What is left of a ring on the inner side of one border: 0 left, 1 right, 2 top, 3 bottom.
function halved(corners, side) {
  const axis = side >> 1, isHigh = side % 2, border = isHigh ? EXTENT + MARGIN : -MARGIN;
  const isIn = (k) => (isHigh ? corners[k + axis] <= border : corners[k + axis] >= border);
  const out = [];
  for (let k = 0, before = corners.length - 2; k < corners.length; before = k, k += 2) {
    if (isIn(k) !== isIn(before)) {
      const share = (border - corners[before + axis]) / (corners[k + axis] - corners[before + axis]);
      for (const a of [0, 1]) out.push(a === axis ? border : corners[before + a] + share * (corners[k + a] - corners[before + a]));
    }
    if (isIn(k)) out.push(corners[k], corners[k + 1]);
  }
  return out;
}

function ringArea(flat) {
  let sum = 0;
  for (let k = 0, before = flat.length - 2; k < flat.length; before = k, k += 2) sum += flat[before] * flat[k + 1] - flat[k] * flat[before + 1];
  return sum;
}
