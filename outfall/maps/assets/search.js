// Search by code, name, enterprise or coordinates: one long folded text per column, built in slices, so that nothing waits for it.

const MOST_FOUND = 20;
const SLICE_MS = 8;
const LONGEST = 160;

// Width, case, spaces and hyphens make no difference.
function plain(text) {
  return String(text).slice(0, LONGEST).normalize('NFKC').toLowerCase().replace(/[\s_\-‐-―·]+/g, '');
}

const searchIndex = { columns: null, isReady: false, waiting: [] };

// Numbers of values by the place they start in the text; a line break stands round each.
function searchColumns() {
  if (searchIndex.columns) return searchIndex.columns;
  searchIndex.columns = [];
  [...app.data.layers].reverse().forEach((layer, order) => (layer.search || []).forEach((name, at) => {
    const column = layer.column && layer.column[name];
    if (!column) return;
    // Text that differs from row to row is read row by row; other text once per word.
    const isByRow = Boolean(column.rows || column.pattern);
    if (isByRow || column.values) searchIndex.columns.push({ layer, column, name, order, at, isByRow, count: isByRow ? layer.n : column.values.length, texts: [], text: '', start: null });
  }));
  return searchIndex.columns;
}

function buildIndex() {
  if (searchIndex.isBuilding) return;
  searchIndex.isBuilding = true;
  const columns = searchColumns();
  const slice = () => {
    const until = performance.now() + SLICE_MS;
    for (const made of columns) {
      while (made.start === null) {
        const { texts, column } = made;
        for (let k = 0; k < 200 && texts.length < made.count; k++) texts.push(plain((made.isByRow ? column.at(texts.length) : column.values[texts.length]) || ''));
        if (texts.length >= made.count) finishIndex(made);
        if (performance.now() > until) { setTimeout(slice, 0); return; }
      }
    }
    searchIndex.isReady = true;
    for (const act of searchIndex.waiting.splice(0)) act();
  };
  slice();
}

function finishIndex(made) {
  made.start = new Int32Array(made.texts.length + 1);
  let at = 1;
  for (let k = 0; k < made.texts.length; k++) { made.start[k] = at; at += made.texts[k].length + 1; }
  made.start[made.texts.length] = at;
  made.text = `\n${made.texts.join('\n')}\n`;
  made.texts = [];
}

// Returns the hits, best first: the exact text, then what begins with it, then what holds it.
function find(query) {
  const wanted = plain(query);
  if (!wanted) return [];
  const found = new Map();
  [[`\n${wanted}\n`, 1], [`\n${wanted}`, 1], [wanted, 0]].forEach(([needle, lead], rank) => {
    if (found.size >= MOST_FOUND) return;
    for (const made of searchColumns()) if (made.start) collect(made, needle, lead, rank, found);
  });
  return [...found.values()].sort((one, other) => one.rank - other.rank || one.at - other.at || one.order - other.order || one.row - other.row).slice(0, MOST_FOUND);
}

function collect(made, needle, lead, rank, found) {
  const codes = new Set();
  for (let at = made.text.indexOf(needle); at >= 0 && codes.size < MOST_FOUND; at = made.text.indexOf(needle, at + Math.max(1, needle.length - 1))) codes.add(valueAtStart(made.start, at + lead) + 1);
  if (!codes.size) return;
  let room = MOST_FOUND;
  const keep = (row) => {
    const key = `${made.layer.name}\n${row}`;
    if (!found.has(key)) { found.set(key, { layer: made.layer, row, rank, name: made.name, at: made.at, order: made.order }); room--; }
  };
  if (made.isByRow) { for (const code of codes) keep(code - 1); return; }
  const { codes: all } = made.column;
  for (let row = 0; row < made.layer.n && room; row++) if (codes.has(all[row])) keep(row);
}

// Which value holds a place in the text.
function valueAtStart(start, at) {
  let low = 0, high = start.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (start[middle] <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

function startSearch() {
  const input = document.getElementById('query');
  const list = document.getElementById('hits');
  const said = el('p', { class: 'aside', role: 'status', 'aria-live': 'polite' });
  input.after(said);
  let hits = [], at = -1;
  const close = () => { list.hidden = true; input.setAttribute('aria-expanded', 'false'); input.removeAttribute('aria-activedescendant'); at = -1; };
  const take = (hit) => { close(); input.blur(); if (hit.lon !== undefined) dropPin(hit); else openHit(hit); };
  const mark = (next) => {
    if (!hits.length) return;
    at = (next + hits.length) % hits.length;
    [...list.children].forEach((node, k) => { node.setAttribute('aria-selected', String(k === at)); if (k === at) node.scrollIntoView({ block: 'nearest' }); });
    input.setAttribute('aria-activedescendant', `hit${at}`);
  };
  const show = () => {
    const query = input.value.trim();
    if (!query) { fill(list); said.textContent = ''; close(); hits = []; return; }
    const spots = readSpots(query, app.map.getCenter());
    const isBusy = !searchIndex.isReady;
    hits = [...spots.spots, ...find(query)].slice(0, MOST_FOUND);
    fill(list, hits.map((hit, k) => el('li', { role: 'option', id: `hit${k}`, 'aria-selected': 'false', onmousedown: (event) => { event.preventDefault(); take(hit); } }, hitRow(hit))));
    const note = spots.trouble ? say(spots.trouble) : hits.length ? '' : isBusy ? say('search.busy') : searchedText(query);
    if (note) list.append(el('li', { class: 'none', role: 'presentation' }, note));
    said.textContent = hits.length ? say('search.found', hits.length) : note;
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    at = -1;
    if (isBusy) { buildIndex(); if (!searchIndex.waiting.length) searchIndex.waiting.push(() => { if (document.activeElement === input) show(); }); }
  };
  input.addEventListener('input', show);
  input.addEventListener('focus', () => { buildIndex(); show(); });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { event.preventDefault(); if (list.hidden) show(); mark(event.key === 'ArrowDown' ? at + 1 : at < 0 ? -1 : at - 1); }
    else if (event.key === 'Home' && at >= 0) { event.preventDefault(); mark(0); }
    else if (event.key === 'End' && at >= 0) { event.preventDefault(); mark(hits.length - 1); }
    else if (event.key === 'Enter' && hits.length) { event.preventDefault(); take(hits[Math.max(0, at)]); }
    else if (event.key === 'Escape') { event.stopPropagation(); if (list.hidden) { input.value = ''; input.blur(); } else if (input.value) { input.value = ''; show(); } else input.blur(); }
  });
}

function openHit(hit) {
  const sheet = app.sheets[hit.layer.name];
  if (!app.map.hasLayer(sheet)) toggleLayer(hit.layer.name);
  select(hit.layer.name, hit.row, { fly: true });
}

function searchedText(query) {
  const comma = app.lang === 'zh' ? '、' : ', ';
  const layers = app.data.layers.filter((layer) => layer.search && layer.search.length && layer.n).reverse();
  const told = layers.map((layer) => say('search.columns', called(layer), layer.search.filter((name) => layer.column[name]).map((name) => called(layer.column[name])).join(comma)));
  return `${say('search.searched', short(query, 30), told.join(app.lang === 'zh' ? '；' : '; '))} ${say('search.examples')}`;
}

function hitRow(hit) {
  if (hit.lon !== undefined) {
    const spot = `${hit.lon.toFixed(6)}, ${hit.lat.toFixed(6)}`;
    return [icon('target'), el('span', { class: 'hit' }, el('b', {}, spot), el('span', {}, spotText(hit)))];
  }
  const { layer, row } = hit;
  const column = layer.column[hit.name], value = column.at(row), title = titleOf(layer.name, row), key = keyOf(layer.name, row);
  const parts = [called(layer)];
  if (key !== title && hit.name !== layer.key) parts.push(key);
  if (String(value) !== title) parts.push(`${called(column)} ${short(String(value), 40)}`);
  return [swatch(app.sheets[layer.name].look(row), app.lang, layer.kind), el('span', { class: 'hit' }, el('b', {}, short(title, 60)), el('span', {}, parts.join(' · ')))];
}

function spotText(spot) {
  const datum = { gcj02: 'GCJ-02 → WGS 84', bd09: 'BD-09 → WGS 84', grid: `CGCS2000 · ${spot.central}°E` }[spot.datum] || 'WGS 84 / CGCS2000';
  return [say('search.point'), datum, spot.isSwapped ? say('pin.swapped') : ''].filter(Boolean).join(' · ');
}

let pin = null;

// A labelled pin that stays until it is taken away.
function dropPin(spot) {
  if (pin) pin.remove();
  const text = `${spot.lon.toFixed(6)}, ${spot.lat.toFixed(6)}`;
  const close = el('button', { type: 'button', class: 'mini', 'aria-label': say('pin.remove'), title: say('pin.remove'), onclick: (event) => { event.stopPropagation(); pin.remove(); pin = null; } }, icon('close'));
  const again = el('button', { type: 'button', class: 'mini', 'aria-label': say('copy'), title: say('copy'), onclick: (event) => { event.stopPropagation(); copy(text, event.currentTarget); } }, icon('copy'));
  const label = el('div', { class: 'pin' }, el('i', {}), el('div', { class: 'pin-label' }, el('span', {}, el('b', {}, text), el('span', {}, spotText(spot))), again, close));
  L.DomEvent.disableClickPropagation(label);
  pin = L.marker([spot.lat, spot.lon], { icon: L.divIcon({ className: 'pin-holder', html: label, iconSize: [0, 0] }), keyboard: false, pane: 'popupPane' }).addTo(app.map);
  app.map.setView([spot.lat, spot.lon], Math.max(15, app.map.getZoom()), { animate: !calm() });
}
