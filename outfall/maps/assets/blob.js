// How the data of the page is read back: base64, gzip, a JSON header, then columns. Nothing in it is ever markup.

async function unpack(text) {
  const packed = Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0));
  const raw = await gunzip(packed);
  const length = new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  const body = raw.slice(4 + length);
  for (const layer of header.layers) openLayer(layer, body);
  header.image = (ref) => URL.createObjectURL(new Blob([body.subarray(ref.o, ref.o + ref.n)], { type: 'image/webp' }));
  if (header.found) openFound(header.found, body);
  return header;
}

async function gunzip(packed) {
  if (typeof DecompressionStream === 'function') {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  return gunzipHere(packed);
}

// For browsers without DecompressionStream. Our writer sets no optional gzip fields: the head is ten bytes, the tail eight.
function gunzipHere(packed) {
  const size = new DataView(packed.buffer, packed.byteOffset + packed.length - 4, 4).getUint32(0, true);
  const raw = new Uint8Array(size);
  tinyInflate(packed.subarray(10, packed.length - 8), raw);
  return raw;
}

function readRef(ref, body) {
  if (ref.t === 'u1') return new Uint8Array(body.buffer, body.byteOffset + ref.o, ref.n);
  if (ref.t === 'u2') return new Uint16Array(body.buffer, body.byteOffset + ref.o, ref.n);
  if (ref.t === 'u4') return new Uint32Array(body.buffer, body.byteOffset + ref.o, ref.n);
  const n = ref.n;
  const whole = new Uint32Array(n);
  for (let i = 0, a = ref.o, b = a + n, c = b + n, d = c + n; i < n; i++) {
    whole[i] = body[a + i] | (body[b + i] << 8) | (body[c + i] << 16) | (body[d + i] << 24);
  }
  if (ref.t === 'f4') return new Float32Array(whole.buffer);
  const out = new Int32Array(n);
  for (let i = 0, sum = 0; i < n; i++) {
    const value = (whole[i] >>> 1) ^ -(whole[i] & 1);
    sum = ref.t === 'delta' ? sum + value : value;
    out[i] = sum;
  }
  return out;
}

function openLayer(layer, body) {
  if (layer.kind === 'raster') return;
  const shape = layer.shape;
  const lon = readRef(shape.lon, body);
  const lat = readRef(shape.lat, body);
  const count = lon.length;
  const east = new Float64Array(count);
  const south = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    east[i] = lon[i] / 360e6 + 0.5;
    const sine = Math.sin((Math.max(-85e6, Math.min(85e6, lat[i])) * Math.PI) / 180e6);
    south[i] = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
  }
  layer.shape = { lon, lat, east, south, row: readRef(shape.row, body) };
  if (shape.count) layer.shape.start = readStarts(shape.count, body);
  if (shape.rings) openRings(layer.shape, readStarts(shape.rings, body));
  layer.partOf = new Int32Array(layer.n).fill(-1);
  for (let part = layer.shape.row.length - 1; part >= 0; part--) layer.partOf[layer.shape.row[part]] = part;
  layer.column = {};
  for (const column of layer.columns) layer.column[column.name] = openColumn(column, body);
}

// The rings of part p are ring[p] .. ring[p + 1], the outer one first; ring r has the corners ringStart[r] .. ringStart[r + 1], not closed.
function openRings(shape, ring) {
  shape.ring = ring;
  shape.ringStart = shape.start;
  shape.start = ring.map((at) => shape.ringStart[at]);
}

function readStarts(ref, body) {
  const counts = readRef(ref, body);
  const start = new Int32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) start[i + 1] = start[i] + counts[i];
  return start;
}

function openColumn(column, body) {
  if (column.codes) {
    column.codes = readRef(column.codes, body);
    column.at = (row) => (column.codes[row] ? column.values[column.codes[row] - 1] : null);
  } else if (column.type === 'number') {
    const data = readRef(column.data, body);
    const scale = 10 ** (column.digits || 0);
    if (column.data.t === 'f4') column.at = (row) => (Number.isNaN(data[row]) ? null : Number(data[row].toPrecision(6)));
    else column.at = (row) => (data[row] === 0 ? null : (data[row] > 0 ? data[row] - 1 : data[row]) / scale);
  } else {
    const data = readRef(column.data, body);
    column.at = (row) => (data[row] ? new Date((column.first + data[row] - 1) * 1000) : null);
  }
  return column;
}

function openFound(found, body) {
  const rows = found.rows;
  for (const name of ['outfall', 'source']) rows[name] = readRef(rows[name], body);
  for (const name of ['source_id', 'reason', 'reason_zh', 'posterior_share', 'prior_share', 'distance_m', 'off_m', 'travel_h']) openColumn(rows[name], body);
  const flat = readRef(rows.path.flat, body);
  const start = readStarts(rows.path.count, body);
  found.path = (row) => flat.subarray(start[row], start[row + 1]);
  found.byOutfall = gather(rows.outfall, found.n);
  found.bySource = gather(rows.source, found.n);
  const evidence = found.evidence;
  evidence.candidate = readRef(evidence.candidate, body);
  for (const name of ['line', 'log_lr', 'reason', 'reason_zh', 'refs']) openColumn(evidence[name], body);
  evidence.byCandidate = gather(evidence.candidate, evidence.n);
}

function gather(keys, n) {
  const found = new Map();
  for (let i = 0; i < n; i++) {
    if (keys[i] < 0) continue;
    if (!found.has(keys[i])) found.set(keys[i], []);
    found.get(keys[i]).push(i);
  }
  return found;
}
