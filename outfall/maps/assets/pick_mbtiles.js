// How tiles are read from an MBTiles file the reader has chosen: its SQLite pages are walked by index, read-only, one slice at a time.

async function openMbtiles(file) {
  const book = await openBook(file);
  const tables = dictionary();
  for (const [kind, name, owner, root, sql] of await book.all(1)) {
    if (kind === 'table') tables[name] = { ...tables[name], root, columns: columnsIn(sql), isKeyed: /without\s+rowid/i.test(sql || ''), rowName: (/(\w+)"?\s+integer\s+primary\s+key/i.exec(sql || '') || [])[1] };
    else if (kind === 'index') tables[owner] = { ...tables[owner], indexes: [...((tables[owner] || {}).indexes || []), { root, columns: sql ? columnsIn(sql) : null }] };
  }
  const grid = ['zoom_level', 'tile_column', 'tile_row'];
  const pair = [['tiles'], ['map', 'images', 'tile_id'], ['tiles_shallow', 'tiles_data', 'tile_data_id']].find((names) => names.slice(0, 2).every((name) => tables[name] && tables[name].root));
  if (!pair) throw new Error('base.bad.file');
  const first = await finder(book, tables[pair[0]], grid);
  const second = pair[1] ? await finder(book, tables[pair[1]], [pair[2]]) : null;
  const told = dictionary();
  if (tables.metadata) for (const row of await book.all(tables.metadata.root)) told[String(row[tables.metadata.columns.indexOf('name')])] = String(row[tables.metadata.columns.indexOf('value')]);
  const bounds = (told.bounds || '').split(',').map(Number);
  const number = (text, other) => (/^\d+$/.test(text || '') ? Number(text) : other);
  return {
    type: told.format === 'pbf' ? 'mvt' : 'picture', min: number(told.minzoom, 0), max: number(told.maxzoom, 22), told,
    bounds: bounds.length === 4 && bounds.every(Number.isFinite) ? bounds : null,
    async find(z, x, y) {
      const found = await first([z, x, 2 ** z - 1 - y]);
      if (!found) return null;
      const row = second ? await second([found[pair[2]]]) : found;
      return row && row.tile_data instanceof Uint8Array ? row.tile_data : null;
    },
  };
}

// Returns (key) -> row by column name, along the index that begins with these columns.
async function finder(book, table, key) {
  const named = (record) => Object.fromEntries(table.columns.map((name, at) => [name, record[at]]));
  if (table.isKeyed) {
    const order = [...key, ...table.columns.filter((name) => !key.includes(name))];
    return async (wanted) => { const record = await book.seek(table.root, wanted); return record && Object.fromEntries(order.map((name, at) => [name, record[at]])); };
  }
  if (key.length === 1 && key[0] === table.rowName) return async ([wanted]) => { const row = await book.row(table.root, wanted); return row && named(row); };
  const index = (table.indexes || []).find(({ columns }) => !columns || key.every((name, at) => columns[at] === name));
  if (!index) throw new Error('base.bad.index');
  return async (wanted) => {
    const record = await book.seek(index.root, wanted);
    const row = record && await book.row(table.root, record[record.length - 1]);
    return row && named(row);
  };
}

function columnsIn(sql) {
  const inside = (sql || '').slice((sql || '').indexOf('(') + 1);
  const names = inside.split(',').map((part) => ((/^\s*(?:"([^"]+)"|\[([^\]]+)\]|`([^`]+)`|(\w+))/.exec(part) || []).slice(1).find(Boolean) || '').toLowerCase());
  return names.filter((name) => name && !['primary', 'unique', 'check', 'constraint', 'foreign'].includes(name));
}

async function openBook(file) {
  const head = new Uint8Array(await file.slice(0, 100).arrayBuffer());
  if (new TextDecoder().decode(head.subarray(0, 15)) !== 'SQLite format 3') throw new Error('base.bad.file');
  const stated = head[16] * 256 + head[17];
  const size = stated === 1 ? 65536 : stated, usable = size - head[20];
  const pages = new Map();
  const page = (number) => {
    if (!pages.has(number)) pages.set(number, file.slice((number - 1) * size, number * size).arrayBuffer().then((buffer) => openPage(new Uint8Array(buffer), number)));
    if (pages.size > 200) pages.delete(pages.keys().next().value);
    return pages.get(number);
  };
  const payload = async (held, reader, length, isTable) => {
    const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23, least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fitting = least + ((length - least) % (usable - 4));
    const local = length <= most ? length : fitting <= most ? fitting : least;
    if (length > 64e6) throw new Error('base.bad.file');
    const whole = new Uint8Array(length);
    whole.set(held.bytes.subarray(reader.at, reader.at + local));
    for (let at = local, next = local < length ? four(held.bytes, reader.at + local) : 0; at < length;) {
      if (!next) throw new Error('base.bad.file');
      const more = (await page(next)).bytes;
      whole.set(more.subarray(4, 4 + Math.min(usable - 4, length - at)), at);
      at += usable - 4;
      next = four(more, 0);
    }
    return readRecord(whole);
  };
  const cell = async (held, at) => {
    const isTable = held.type === 13, reader = { at: held.cells[at] + (held.type === 2 ? 4 : 0) };
    const length = big(held.bytes, reader);
    const row = isTable ? big(held.bytes, reader) : 0;
    return { row, record: await payload(held, reader, length, isTable) };
  };
  const rows = async (number, depth) => {
    const held = await page(number), found = [];
    if (depth > 20) throw new Error('base.bad.file');
    if (held.type === 13) for (let k = 0; k < held.cells.length; k++) found.push((await cell(held, k)).record);
    else if (held.type === 5) for (const child of [...held.cells.map((at) => four(held.bytes, at)), held.last]) found.push(...await rows(child, depth + 1));
    return found;
  };
  return {
    all: (number) => rows(number, 0),
    async row(number, wanted) {
      for (let held = await page(number), depth = 0; depth < 20; depth++) {
        const isLeaf = held.type === 13;
        const key = (at) => { const reader = { at: held.cells[at] + (isLeaf ? 0 : 4) }; if (isLeaf) big(held.bytes, reader); return big(held.bytes, reader); };
        let at = 0;
        for (let high = held.cells.length; at < high;) { const middle = (at + high) >> 1; if (key(middle) < wanted) at = middle + 1; else high = middle; }
        if (isLeaf) return at < held.cells.length && key(at) === wanted ? (await cell(held, at)).record : null;
        held = await page(at < held.cells.length ? four(held.bytes, held.cells[at]) : held.last);
      }
      return null;
    },
    async seek(number, wanted) {
      for (let held = await page(number), depth = 0; depth < 20; depth++) {
        let at = 0;
        for (let high = held.cells.length; at < high;) {
          const middle = (at + high) >> 1, { record } = await cell(held, middle);
          const order = compare(record, wanted);
          if (order === 0) return record;
          if (order < 0) at = middle + 1; else high = middle;
        }
        if (held.type === 10) return null;
        held = await page(at < held.cells.length ? four(held.bytes, held.cells[at]) : held.last);
      }
      return null;
    },
  };
}

function openPage(bytes, number) {
  const at = number === 1 ? 100 : 0, type = bytes[at];
  if (![2, 5, 10, 13].includes(type)) return { bytes, type, cells: [], last: 0 };
  const isInside = type === 2 || type === 5, cells = [];
  for (let k = 0, count = bytes[at + 3] * 256 + bytes[at + 4]; k < count; k++) {
    const from = at + (isInside ? 12 : 8) + 2 * k;
    cells.push(bytes[from] * 256 + bytes[from + 1]);
  }
  return { bytes, type, cells, last: isInside ? four(bytes, at + 8) : 0 };
}

const four = (bytes, at) => ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;

function big(bytes, reader) {
  let value = 0;
  for (let k = 0; k < 8; k++) {
    const byte = bytes[reader.at++];
    value = value * 128 + (byte & 127);
    if (byte < 128) return value;
  }
  return value * 256 + bytes[reader.at++];
}

function readRecord(bytes) {
  const reader = { at: 0 }, kinds = [], values = [];
  const end = big(bytes, reader);
  while (reader.at < end) kinds.push(big(bytes, reader));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = end;
  for (const kind of kinds) {
    const length = kind >= 12 ? Math.floor((kind - 12) / 2) : [0, 1, 2, 3, 4, 6, 8, 8, 0, 0][kind] || 0;
    if (at + length > bytes.length) throw new Error('base.bad.file');
    if (kind >= 12) values.push(kind % 2 ? new TextDecoder().decode(bytes.subarray(at, at + length)) : bytes.slice(at, at + length));
    else if (kind === 7) values.push(view.getFloat64(at));
    else if (kind === 8 || kind === 9) values.push(kind - 8);
    else if (kind === 0) values.push(null);
    else {
      let value = view.getInt8(at);
      for (let k = 1; k < length; k++) value = value * 256 + bytes[at + k];
      values.push(value);
    }
    at += length;
  }
  return values;
}

function compare(record, wanted) {
  for (let k = 0; k < wanted.length; k++) {
    if (record[k] === wanted[k]) continue;
    return record[k] === null || (typeof record[k] === 'number' && typeof wanted[k] === 'string') || record[k] < wanted[k] ? -1 : 1;
  }
  return 0;
}
