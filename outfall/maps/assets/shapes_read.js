// What a vector tile (MVT) holds: paths by class of drawing, and names with their place. Protocol buffers are read here; text stays text.

const WATER = /water|ocean|hydro|river|lake/i;
const GREEN = /park|forest|wood|grass|meadow|nature|farm|cemetery|golf|garden|orchard|scrub|wetland|pitch|green|allotment|vineyard/i;
const BUILT = /residential|industrial|commercial|retail|urban|school|hospital|university|railway|quarry|built|harbour|aerodrome/i;
const MAJOR = /^(highway|motorway|trunk|primary|major_road|freeway)/i;
const PLACES = new Map(Object.entries({ country: 0, state: 1, province: 1, region: 1, city: 2, locality: 3, town: 3, suburb: 5, village: 5, neighbourhood: 6, hamlet: 7 }));
const MIDDLE = /^(secondary|tertiary|medium_road)/i;

function* readFields(bytes, at, end) {
  const reader = { at };
  while (reader.at < end) {
    const tag = varint(bytes, reader), kind = tag & 7;
    if (kind === 0) yield [tag >>> 3, varint(bytes, reader), 0];
    else if (kind === 2) {
      const length = varint(bytes, reader);
      if (reader.at + length > end) throw new Error('tile is cut off');
      yield [tag >>> 3, reader.at, reader.at + length];
      reader.at += length;
    } else if (kind === 1 || kind === 5) {
      yield [tag >>> 3, reader.at, reader.at + (kind === 1 ? 8 : 4)];
      reader.at += kind === 1 ? 8 : 4;
    } else throw new Error('not a vector tile');
  }
}

function varint(bytes, reader) {
  let value = 0, weight = 1;
  for (let k = 0; k < 10; k++) {
    const byte = bytes[reader.at++];
    if (byte === undefined) throw new Error('tile is cut off');
    value += (byte & 127) * weight;
    if (byte < 128) return value;
    weight *= 128;
  }
  throw new Error('not a vector tile');
}

function valueOf(bytes, from, to) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const [field, at, end] of readFields(bytes, from, to)) {
    if (field === 1) return new TextDecoder().decode(bytes.subarray(at, end));
    if (field === 2) return view.getFloat32(at, true);
    if (field === 3) return view.getFloat64(at, true);
    if (field === 6) return at % 2 ? -(at + 1) / 2 : at / 2;
    if (field === 7) return Boolean(at);
    return at;
  }
  return null;
}

// Returns {paths: class -> Path2D in unit tiles, names: [{zh, en, u, v, turn, length, rank, kind}]}.
function readShapes(bytes) {
  const tile = { paths: {}, names: [] };
  for (const [field, at, end] of readFields(bytes, 0, bytes.length)) if (field === 3) readLayer(bytes, at, end, tile);
  tile.names.sort((one, other) => one.rank - other.rank);
  return tile;
}

function readLayer(bytes, from, to, tile) {
  const layer = { name: '', extent: 4096, keys: [], values: [], rows: [] };
  for (const [field, at, end] of readFields(bytes, from, to)) {
    if (field === 1) layer.name = new TextDecoder().decode(bytes.subarray(at, end));
    else if (field === 2) layer.rows.push([at, end]);
    else if (field === 3) layer.keys.push(new TextDecoder().decode(bytes.subarray(at, end)));
    else if (field === 4) layer.values.push(valueOf(bytes, at, end));
    else if (field === 5) layer.extent = Math.max(1, at);
  }
  for (const [at, end] of layer.rows) readRow(bytes, at, end, layer, tile);
}

function readRow(bytes, from, to, layer, tile) {
  let type = 0, shape = null;
  const told = Object.create(null);
  for (const [field, at, end] of readFields(bytes, from, to)) {
    if (field === 3) type = at;
    else if (field === 4) shape = [at, end];
    else if (field === 2) {
      const reader = { at };
      while (reader.at < end) {
        const key = layer.keys[varint(bytes, reader)];
        told[key] = layer.values[varint(bytes, reader)];
      }
    }
  }
  if (!shape || !type) return;
  const kind = classOf(layer.name, told, type);
  const parts = partsOf(bytes, shape[0], shape[1], layer.extent);
  if (type > 1 && kind) {
    const path = tile.paths[kind] || (tile.paths[kind] = new Path2D());
    for (const part of parts) {
      for (let k = 0; k < part.length; k += 2) {
        if (k) path.lineTo(part[k], part[k + 1]);
        else path.moveTo(part[0], part[1]);
      }
      if (type === 3) path.closePath();
    }
  }
  if (type < 3) nameOf(layer.name, told, type, kind, parts, tile);
}

// Parts as flat lists in unit tiles.
function partsOf(bytes, from, to, extent) {
  const reader = { at: from }, parts = [];
  let x = 0, y = 0;
  const step = () => { const value = varint(bytes, reader); return value % 2 ? -(value + 1) / 2 : value / 2; };
  while (reader.at < to) {
    const command = varint(bytes, reader), verb = command & 7;
    if (verb === 7) continue;
    if (verb !== 1 && verb !== 2) throw new Error('not a vector tile');
    for (let k = command >>> 3; k > 0 && reader.at < to; k--) {
      x += step();
      y += step();
      if (verb === 1) parts.push([]);
      if (parts.length) parts[parts.length - 1].push(x / extent, y / extent);
    }
  }
  return parts;
}

// Which way a shape is drawn, in the schemas of Protomaps, OpenMapTiles and Shortbread; others by what they are.
function classOf(layer, told, type) {
  const kind = String(told.kind || told.class || told['pmap:kind'] || told.type || told.subclass || '');
  if (/bound|admin/i.test(layer)) return type === 2 ? 'border' : '';
  if (/build/i.test(layer)) return 'building';
  if (/road|transport|street|highway|rail|bridge/i.test(layer) && type === 2) {
    if (/rail|subway|tram/i.test(`${layer}${kind}`) && !/road/i.test(kind)) return 'rail';
    return MAJOR.test(kind) ? 'major' : MIDDLE.test(kind) ? 'middle' : /path|foot|track|steps|cycle/i.test(kind) ? '' : 'minor';
  }
  if (WATER.test(layer) || (type === 3 && WATER.test(kind))) return type === 3 ? 'water' : 'river';
  if (/^(earth|land)$/i.test(layer) && !kind) return '';
  if (GREEN.test(kind) || /park|wood|forest/i.test(layer)) return type === 3 ? 'green' : '';
  if (BUILT.test(kind)) return type === 3 ? 'built' : '';
  if (/earth|land|poi|place|transit|natural|site|dam|pier|aero/i.test(layer)) return '';
  return type === 3 ? 'other' : 'minor';
}

function nameOf(layer, told, type, kind, parts, tile) {
  const name = told.name || told['name:zh-Hans'] || told['name:zh'];
  if (!name || !parts.length) return;
  const zh = String(told['name:zh-Hans'] || told['name:zh'] || told.name_zh || name);
  const en = String(told['name:en'] || told.name_en || told['name:latin'] || name);
  const isPlace = /place|settle|city|town|label/i.test(layer) && type === 1;
    const sort = String(told.kind_detail || told.kind || told.class || '');
  const rank = isPlace ? (PLACES.has(sort) ? PLACES.get(sort) : 4) : kind === 'river' || WATER.test(layer) ? 6 : kind === 'major' ? 8 : kind === 'middle' ? 9 : type === 1 ? 12 : 10;
  if (type === 1) {
    tile.names.push({ zh, en, u: parts[0][0], v: parts[0][1], turn: 0, length: Infinity, rank, kind: isPlace ? 'place' : WATER.test(layer) ? 'water' : 'poi' });
    return;
  }
  let best = [0, null];
  for (const part of parts) {
    for (let k = 2; k < part.length; k += 2) {
      const far = Math.hypot(part[k] - part[k - 2], part[k + 1] - part[k - 1]);
      if (far > best[0]) best = [far, [part[k - 2], part[k - 1], part[k], part[k + 1]]];
    }
  }
  if (!best[1]) return;
  const [a, b, c, d] = best[1];
  let turn = Math.atan2(d - b, c - a);
  if (Math.abs(turn) > Math.PI / 2) turn += turn > 0 ? -Math.PI : Math.PI;
  const whole = parts.reduce((sum, part) => Math.max(sum, Math.hypot(part[part.length - 2] - part[0], part[part.length - 1] - part[1])), 0);
  tile.names.push({ zh, en, u: (a + c) / 2, v: (b + d) / 2, turn, length: Math.max(best[0], whole * 0.8), rank, kind: kind === 'river' ? 'water' : 'road' });
}
