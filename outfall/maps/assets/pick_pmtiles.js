// How tiles are read from a PMTiles file (version 3) the reader has chosen: slices of the file, never the whole, and no request.

async function openPmtiles(file) {
  const bytes = async (at, length) => new Uint8Array(await file.slice(at, at + length).arrayBuffer());
  const head = await bytes(0, 127);
  const view = new DataView(head.buffer);
  if (head.length < 127 || new TextDecoder().decode(head.subarray(0, 7)) !== 'PMTiles' || head[7] !== 3) throw new Error('base.bad.file');
  const long = (at) => Number(view.getBigUint64(at, true));
  const degrees = (at) => view.getInt32(at, true) / 1e7;
  const [inside, packing, type] = [head[97], head[98], head[99]];
  if (inside > 2 || packing > 2) throw new Error('base.bad.packing');
  if (type < 1 || type > 5) throw new Error('base.bad.file');
  const open = async (at, length) => { const raw = await bytes(at, length); return inside === 2 ? gunzip(raw) : raw; };
  const leaves = new Map();
  const leaf = (at, length) => {
    if (!leaves.has(at)) leaves.set(at, open(long(40) + at, length).then(readDirectory));
    if (leaves.size > 64) leaves.delete(leaves.keys().next().value);
    return leaves.get(at);
  };
  const root = readDirectory(await open(long(8), long(16)));
  let told = {};
  try { told = JSON.parse(new TextDecoder().decode(await open(long(24), long(32)))); } catch (error) { /* a file need not say anything of itself */ }
  return {
    type: type === 1 ? 'mvt' : 'picture', min: head[100], max: head[101], told,
    bounds: [degrees(102), degrees(106), degrees(110), degrees(114)],
    async find(z, x, y) {
      const id = tileNumber(z, x, y);
      let rows = root;
      for (let depth = 0; depth < 4; depth++) {
        const row = rowOf(rows, id);
        if (!row) return null;
        if (row.run) return id < row.id + row.run ? bytes(long(56) + row.at, row.length) : null;
        rows = await leaf(row.at, row.length);
      }
      return null;
    },
  };
}

function readDirectory(bytes) {
  const reader = { at: 0 }, rows = [];
  const count = varint(bytes, reader);
  if (count > bytes.length) throw new Error('base.bad.file');
  for (let k = 0, id = 0; k < count; k++) rows.push({ id: (id += varint(bytes, reader)), run: 0, length: 0, at: 0 });
  for (const row of rows) row.run = varint(bytes, reader);
  for (const row of rows) row.length = varint(bytes, reader);
  rows.forEach((row, k) => {
    const at = varint(bytes, reader);
    row.at = at === 0 && k ? rows[k - 1].at + rows[k - 1].length : at - 1;
  });
  return rows;
}

function rowOf(rows, id) {
  let low = 0, high = rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (rows[middle].id <= id) low = middle + 1;
    else high = middle - 1;
  }
  return high >= 0 ? rows[high] : null;
}

// The number of a tile along Hilbert's curve, after all tiles of the zooms above.
function tileNumber(z, x, y) {
  let number = (4 ** z - 1) / 3;
  for (let side = 2 ** (z - 1), u = x, v = y; side >= 1; side /= 2) {
    const right = u & side ? 1 : 0, low = v & side ? 1 : 0;
    number += side * side * ((3 * right) ^ low);
    if (!low) {
      if (right) { u = side - 1 - (u & (side - 1)); v = side - 1 - (v & (side - 1)); }
      [u, v] = [v & (side - 1), u & (side - 1)];
    } else { u &= side - 1; v &= side - 1; }
  }
  return number;
}
