// The map as a table: every row of a layer, sorted, filtered, opened on the map, and taken away as CSV.

const ROW_PX = 34;
const tabled = { name: '', sort: '', isDown: false, query: '', rows: [], view: null };

function openTable(name) {
  const layers = app.data.layers.filter((layer) => layer.kind !== 'raster' && layer.n);
  if (!layers.length) { announce(say('legend.none')); return; }
  const wanted = name || (app.selected && app.selected.layer) || tabled.name || 'outfalls';
  tabled.name = layers.some((layer) => layer.name === wanted) ? wanted : [...layers].reverse()[0].name;
  const made = openDialog('table', say('table'), () => { tabled.view = null; });
  tabled.view = made;
  const pick = el('select', { 'aria-label': say('table.layer'), onchange: (event) => { tabled.name = event.target.value; tabled.sort = ''; tabled.isDown = false; listRows(); drawTable(); } },
    [...layers].reverse().map((layer) => el('option', { value: layer.name, selected: layer.name === tabled.name }, `${called(layer)} (${number(layer.n)})`)));
  const query = el('input', { type: 'search', id: 'table-query', placeholder: say('table.filter'), 'aria-label': say('table.filter'), value: tabled.query, oninput: (event) => { tabled.query = event.target.value; listRows(); drawTable(); } });
  fill(made.body, el('div', { class: 'table-bar' }, pick, query, el('span', { id: 'table-count', role: 'status' }), el('button', { type: 'button', class: 'chip', id: 'table-save', onclick: saveTable }, icon('save'), 'CSV')), el('div', { class: 'grid-scroll', tabindex: '0', id: 'table-grid' }));
  listRows();
  drawTable();
  query.focus({ preventScroll: true });
}

const tableColumns = (layer) => [...new Set([layer.key, ...layer.popup])].filter((name) => name && layer.column[name]);

// Rows that pass the map's filters and hold the text asked for, in the order chosen.
function listRows() {
  const layer = app.layers[tabled.name];
  const sheet = app.sheets[tabled.name];
  const columns = tableColumns(layer);
  const wanted = plain(tabled.query);
  // Text is matched once per different value, not once per row.
  const hit = columns.map((name) => {
    const column = layer.column[name];
    const seen = new Map();
    return (row) => {
      const value = column.at(row);
      if (value === null) return false;
      const key = value instanceof Date ? value.getTime() : value;
      if (!seen.has(key)) seen.set(key, plain(fieldText(layer, name, row) || '').includes(wanted) || plain(value).includes(wanted));
      return seen.get(key);
    };
  });
  const rows = [];
  for (let row = 0; row < layer.n; row++) if (sheet.isDrawn(row) && (!wanted || hit.some((is) => is(row)))) rows.push(row);
  const column = layer.column[tabled.sort];
  if (column) {
    const compare = new Intl.Collator(app.lang === 'zh' ? 'zh-CN' : 'en', { numeric: true }).compare;
    const keys = new Map(rows.map((row) => [row, column.type === 'number' || column.type === 'time' ? column.at(row) : fieldText(layer, tabled.sort, row)]));
    const sign = tabled.isDown ? -1 : 1;
    rows.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (a === null || b === null) return (a === null) - (b === null) || one - other;
      return sign * (typeof a === 'string' ? compare(a, b) : a - b) || one - other;
    });
  }
  tabled.rows = rows;
}

function drawTable() {
  const layer = app.layers[tabled.name];
  const columns = tableColumns(layer);
  const box = document.getElementById('table-grid');
  document.getElementById('table-count').textContent = say('table.count', number(tabled.rows.length), number(layer.n));
  const sortBy = (name) => { tabled.isDown = tabled.sort === name && !tabled.isDown; tabled.sort = name; listRows(); drawTable(); const again = box.querySelector(`[data-column="${CSS.escape(name)}"]`); if (again) again.focus({ preventScroll: true }); };
  const left = box.scrollLeft;
  const head = el('tr', { 'aria-rowindex': '1' }, columns.map((name) => el('th', { scope: 'col', 'aria-sort': tabled.sort === name ? (tabled.isDown ? 'descending' : 'ascending') : 'none' },
    el('button', { type: 'button', 'data-column': name, onclick: () => sortBy(name) }, called(layer.column[name]), el('i', { 'aria-hidden': 'true' }, tabled.sort === name ? (tabled.isDown ? '▾' : '▴') : '')))));
  const body = el('tbody', {});
  fill(box, el('table', { 'aria-rowcount': String(tabled.rows.length + 1), 'aria-label': called(layer) }, el('thead', {}, head), body));
  box.scrollLeft = left;
  box.scrollTop = 0;
  let from = -1, to = -1;
  // Only the rows in sight exist; two rows as tall as the others keep the place.
  const paint = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW_PX) - 8), last = Math.min(tabled.rows.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW_PX) + 8);
    if (first === from && last === to) return;
    [from, to] = [first, last];
    const held = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.row;
    const pad = (count) => (count ? el('tr', { class: 'pad', 'aria-hidden': 'true' }, el('td', { colspan: String(columns.length), style: { height: `${count * ROW_PX}px` } })) : null);
    fill(body, pad(first), tabled.rows.slice(first, last).map((row, k) => tableRow(layer, columns, row, first + k)), pad(tabled.rows.length - last));
    const again = held && body.querySelector(`[data-row="${held}"]`);
    if (again) again.focus({ preventScroll: true });
  };
  box.onscroll = paint;
  paint();
}

function tableRow(layer, columns, row, at) {
  const isChosen = app.selected && app.selected.layer === layer.name && app.selected.row === row;
  return el('tr', { 'aria-rowindex': String(at + 2), 'aria-selected': String(Boolean(isChosen)) }, columns.map((name, k) => {
    const column = layer.column[name];
    const text = fieldText(layer, name, row);
    const cell = text === null ? '' : short(text, 60);
    return el('td', { class: column.type === 'number' ? 'number' : '' }, k ? cell : el('button', { type: 'button', class: 'link', 'data-row': String(row), onclick: () => { tabled.view.close(); if (!app.map.hasLayer(app.sheets[layer.name])) toggleLayer(layer.name); app.trail = []; select(layer.name, row, { fly: true }); } }, cell || String(row + 1)));
  }));
}

// A cell that a spreadsheet would take for a formula gets an apostrophe; a number stays a number.
function csvCell(text) {
  const plainText = text === null || text === undefined ? '' : String(text);
  const safe = /^[\s]*[=+\-@\t\r|%]/.test(plainText) && !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(plainText) ? `'${plainText}` : plainText;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

function tableText(layer, rows) {
  const columns = tableColumns(layer);
  const isPoints = layer.kind === 'points';
  const lines = [[...columns.map((name) => called(layer.column[name])), ...(isPoints ? ['lon', 'lat'] : [])].map(csvCell).join(',')];
  for (const row of rows) {
    const spot = isPoints ? place(layer.name, row) : null;
    lines.push([...columns.map((name) => (layer.column[name].type === 'number' ? layer.column[name].at(row) : fieldText(layer, name, row))), ...(isPoints ? [spot ? spot.lon.toFixed(6) : '', spot ? spot.lat.toFixed(6) : ''] : [])].map(csvCell).join(','));
  }
  return `\ufeff${lines.join('\r\n')}\r\n`;
}

function saveTable() {
  const layer = app.layers[tabled.name];
  saveFile(new Blob([tableText(layer, tabled.rows)], { type: 'text/csv;charset=utf-8' }), `${fileName(called(layer))}.csv`);
  announce(say('table.saved', number(tabled.rows.length)));
}

function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// A name every file system takes, with the date.
function fileName(text) {
  const day = new Date();
  const pad = (part) => String(part).padStart(2, '0');
  const kept = [...String(text).replace(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069\\/:*?"<>|.]+/g, ' ').trim().replace(/\s+/g, '_')].slice(0, 60).join('');
  return `${kept || 'map'}_${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`;
}

feature({ order: 30, tools: [['table', 'table', () => openTable(), 'tool-table']] });
