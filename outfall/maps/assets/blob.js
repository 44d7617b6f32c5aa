// How the data of the page is read back: base 85, gzip, a JSON header, then columns. Nothing in it is ever markup.

const FORMAT = 2;

// What is looked up by a word of the user: no word, not even __proto__ or constructor, finds more than was put in.
function dictionary(entries) {
  return Object.assign(Object.create(null), entries);
}

async function unpack(text) {
  const packed = bytesOf(text.trim());
  const raw = await gunzip(packed);
  const length = new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  if (header.format > FORMAT) throw Object.assign(new Error(`format ${header.format} > ${FORMAT}`), { trouble: 'newer' });
  const body = raw.slice(4 + length);
  header.photos = dictionary(header.photos);
  for (const lang of Object.keys(header.phrases || {})) header.phrases[lang] = dictionary(header.phrases[lang]);
  for (const layer of header.layers) openLayer(layer, body);
  header.image = (ref) => URL.createObjectURL(new Blob([body.subarray(ref.o, ref.o + ref.n)], { type: 'image/webp' }));
  header.bytes = (ref) => body.subarray(ref.o, ref.o + ref.n);
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

// The number of bytes, a blank, then five letters for four bytes. The letters are those that mean nothing to HTML or scripts.
function bytesOf(text) {
  const digit = new Uint8Array(128);
  for (let code = 33, at = 0; code < 127; code++) if (!'<>&"\'`\\${'.includes(String.fromCharCode(code))) digit[code] = at++;
  const blank = text.indexOf(' ');
  const length = Number(text.slice(0, blank));
  if (blank < 0 || text.length !== blank + 1 + Math.ceil(length / 4) * 5) throw new Error(`${text.length} letters do not hold ${length} bytes`);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0, at = blank + 1; i < words.length; i++, at += 5) {
    words[i] = digit[text.charCodeAt(at)] + 85 * (digit[text.charCodeAt(at + 1)] + 85 * (digit[text.charCodeAt(at + 2)] + 85 * (digit[text.charCodeAt(at + 3)] + 85 * digit[text.charCodeAt(at + 4)])));
  }
  return new Uint8Array(words.buffer, 0, length);
}

function readRef(ref, body) {
  if (ref.t === 'f4' || ref.t === 'f8') {
    const width = Number(ref.t[1]), bytes = new Uint8Array(width * ref.n);
    for (let plane = 0; plane < width; plane++) for (let i = 0, from = ref.o + plane * ref.n; i < ref.n; i++) bytes[i * width + plane] = body[from + i];
    return ref.t === 'f4' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  }
  return ref.w > 4 ? readLong(ref, body) : readShort(ref, body);
}

// Whole numbers of up to four bytes: planes, the lowest first, then signs unfolded and differences summed. What does not fit into 31 bits
// and a sign is read again as long numbers.
function readShort(ref, body) {
  const { n, w, z, d, o } = ref;
  const out = new Int32Array(n);
  for (let plane = 0; plane < w; plane++) {
    const from = o + plane * n, shift = 8 * plane;
    for (let i = 0; i < n; i++) out[i] |= body[from + i] << shift;
  }
  if (z) for (let i = 0; i < n; i++) out[i] = (out[i] >>> 1) ^ -(out[i] & 1);
  else if (w === 4 && out.some((value) => value < 0)) return readLong(ref, body);
  for (let turn = 0; turn < d; turn++) {
    for (let i = 0, sum = 0; i < n; i++) {
      sum += out[i];
      if (sum !== (sum | 0)) return readLong(ref, body);
      out[i] = sum;
    }
  }
  return out;
}

function readLong({ n, w, z, d, o }, body) {
  const out = new Float64Array(n);
  for (let plane = w - 1; plane >= 0; plane--) for (let i = 0, from = o + plane * n; i < n; i++) out[i] = out[i] * 256 + body[from + i];
  if (z) for (let i = 0; i < n; i++) out[i] = out[i] % 2 ? -(out[i] + 1) / 2 : out[i] / 2;
  for (let turn = 0; turn < d; turn++) for (let i = 0, sum = 0; i < n; i++) out[i] = sum += out[i];
  return out;
}

function openLayer(layer, body) {
  if (layer.kind === 'raster') {
    if (layer.plane) layer.codes = () => readRef(layer.plane.codes, body);
    return;
  }
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
  layer.column = dictionary();
  if (layer.styles) layer.styles = dictionary(layer.styles);
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
  if (column.words) column.words = dictionary(column.words);
  if (column.values) {
    column.codes = readRef(column.codes, body);
    column.at = (row) => (column.codes[row] ? column.values[column.codes[row] - 1] : null);
  } else if (column.rows) {
    spread(column, column.rows.length, (row) => column.rows[row] || null);
  } else if (column.pattern) {
    spread(column, column.pattern.codes.n, openPattern(column, body));
  } else if (column.type === 'number') {
    const data = readRef(column.data, body);
    const scale = 10 ** (column.digits || 0);
    if (column.data.t === 'f4') column.at = (row) => (Number.isNaN(data[row]) ? null : Number(data[row].toPrecision(7)));
    else if (column.data.t === 'f8') column.at = (row) => (Number.isNaN(data[row]) ? null : data[row]);
    else column.at = (row) => (data[row] === 0 ? null : (data[row] > 0 ? data[row] - 1 : data[row]) / scale);
  } else {
    const data = readRef(column.data, body);
    column.at = (row) => (data[row] ? new Date((column.first + (data[row] - 1) * column.step) * 1000) : null);
  }
  return column;
}

// Text most rows of which differ has no list of values of its own; who asks for one (search, looks) gets a list of one value per row.
function spread(column, n, at) {
  column.at = at;
  const once = (name, make) => Object.defineProperty(column, name, { configurable: true, get() { Object.defineProperty(column, name, { value: make() }); return column[name]; } });
  once('values', () => Array.from({ length: n }, (_, row) => at(row) || ''));
  once('codes', () => Uint32Array.from({ length: n }, (_, row) => (at(row) ? row + 1 : 0)));
}

function openPattern(column, body) {
  const codes = readRef(column.pattern.codes, body);
  const pieces = ['', ...column.pattern.values].map((value) => value.split('\x01'));
  const holes = column.holes.map((hole) => ({ data: readRef(hole.data, body), digits: readRef(hole.digits, body) }));
  return (row) => {
    if (!codes[row]) return null;
    const parts = pieces[codes[row]];
    let text = parts[0];
    for (let k = 1; k < parts.length; k++) text += String(holes[k - 1].data[row]).padStart(holes[k - 1].digits[row], '0') + parts[k];
    return text;
  };
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
