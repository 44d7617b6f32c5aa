// What the reader has chosen: language, selection, focus; and how values are said.

const app = { data: null, lang: 'zh', map: null, sheets: Object.create(null), layers: Object.create(null), selected: null, focus: null, trail: [], heard: {} };

// A feature is one thing the page can do: {start(), tools: [[icon, phrase key, act, id]], order}. Files of features stand before start.js.
const features = [];

function feature(made) {
  features.push(made);
}

function on(event, act) {
  (app.heard[event] = app.heard[event] || []).push(act);
}

function emit(event) {
  for (const act of app.heard[event] || []) act();
}

function say(key, ...parts) {
  const text = (app.data.phrases[app.lang] || {})[key];
  return (text === undefined ? key : text).replace(/\{(\d)\}/g, (_, at) => String(parts[at]));
}

const called = (thing) => (app.lang === 'zh' ? thing.zh : thing.en) || thing.name || '';

function select(name, row, options) {
  const opts = options || {};
  if (app.selected && !opts.isBack) app.trail.push(app.selected);
  app.selected = { layer: name, row };
  app.focus = null;
  remember();
  emit('select');
  if (opts.fly) flyTo(app.selected);
}

function deselect() {
  app.selected = app.focus = null;
  app.trail = [];
  remember();
  emit('select');
}

function back() {
  const last = app.trail.pop();
  if (last) select(last.layer, last.row, { isBack: true });
  else deselect();
}

// The selection is kept in the address, so that a page can be opened at one outfall: map.html#outfalls/MX-0042
function remember() {
  const chosen = app.selected;
  const mark = chosen ? `#${encodeURIComponent(chosen.layer)}/${encodeURIComponent(keyOf(chosen.layer, chosen.row))}` : '#';
  try { window.history.replaceState(null, '', mark); } catch (error) { /* a page inside a notebook has no address */ }
}

function recall() {
  let parts = [];
  try { parts = window.location.hash.slice(1).split('/').map(decodeURIComponent); } catch (error) { return; }
  const layer = app.layers[parts[0]];
  if (!layer || !layer.column || parts.length < 2) return;
  const row = findKey(parts[0], parts.slice(1).join('/'));
  if (row >= 0) select(parts[0], row, { fly: true });
}

function keyOf(name, row) {
  const layer = app.layers[name];
  const column = layer && layer.key && layer.column[layer.key];
  return column ? String(column.at(row)) : String(row);
}

function findKey(name, key) {
  const layer = app.layers[name];
  if (!layer || !layer.column) return -1;
  const column = layer.column[layer.key];
  if (!column) return Number.isInteger(Number(key)) && Number(key) < layer.n ? Number(key) : -1;
  if (!column.rowOf) {
    column.rowOf = new Map();
    for (let row = 0; row < layer.n; row++) column.rowOf.set(String(column.at(row)), row);
  }
  return column.rowOf.has(key) ? column.rowOf.get(key) : -1;
}

function titleOf(name, row) {
  const layer = app.layers[name];
  for (const column of ['name', layer.label, layer.key]) {
    const value = layer.column[column] && layer.column[column].at(row);
    if (value) return String(value);
  }
  return `${called(layer)} ${row + 1}`;
}

function number(value, digits) {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits === undefined ? 3 : digits });
}

function percent(share) {
  if (share > 0 && share < 0.001) return '<0.1%';
  const points = share * 100;
  return `${points >= 99.95 ? '100' : points.toFixed(points >= 10 ? 0 : 1)}%`;
}

function metres(value) {
  return value >= 1000 ? `${number(value / 1000, 2)} km` : `${number(value, 0)} m`;
}

function hours(value) {
  return value >= 48 ? `${number(value / 24, 1)} d` : value >= 1 ? `${number(value, 1)} h` : `${number(value * 60, 0)} min`;
}

function moment(date) {
  const pad = (part) => String(part).padStart(2, '0');
  const away = -date.getTimezoneOffset();
  const zone = `UTC${away < 0 ? '−' : '+'}${Math.floor(Math.abs(away) / 60)}${away % 60 ? `:${pad(Math.abs(away) % 60)}` : ''}`;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())} ${zone}`;
}

function shown(column, row) {
  const value = column.at(row);
  if (value === null) return null;
  if (value instanceof Date) return moment(value);
  if (column.type === 'flag') return say(value);
  if (column.type === 'number') return column.share ? percent(value) : number(value);
  const known = column.words && column.words[value];
  return known ? known[app.lang === 'zh' ? 0 : 1] : String(value);
}

function short(value, most) {
  const text = [...String(value === null || value === undefined ? '' : value)];
  return text.length > most ? `${text.slice(0, most - 1).join('')}…` : text.join('');
}

function place(name, row) {
  const layer = app.layers[name];
  if (!layer || row < 0 || row === undefined) return null;
  const part = layer.partOf[row];
  return part < 0 ? null : { x: layer.shape.east[part], y: layer.shape.south[part], lon: layer.shape.lon[part] / 1e6, lat: layer.shape.lat[part] / 1e6 };
}

function boundsOf(name, row) {
  const layer = app.layers[name];
  const { east, south, start, row: rows } = layer.shape;
  const box = L.latLngBounds([]);
  for (let part = layer.partOf[row]; part >= 0 && part < rows.length && rows[part] === row; part++) {
    for (let k = start ? start[part] : part; k < (start ? start[part + 1] : part + 1); k++) {
      box.extend(L.CRS.EPSG3857.pointToLatLng(L.point(east[k] * 256, south[k] * 256), 0));
    }
  }
  return box;
}

function room() {
  const isPhone = window.innerWidth < 760;
  const card = document.getElementById('card').getBoundingClientRect();
  const panel = document.getElementById('panel');
  const isOpen = panel.classList.contains('open');
  const axis = document.getElementById('time'), low = axis && !(isPhone && isOpen) ? axis.offsetHeight + (axis.offsetHeight ? 8 : 0) : 0;
  if (isPhone) return { paddingTopLeft: [28, card.bottom > 240 ? 130 : card.bottom + 24], paddingBottomRight: [28, isOpen ? panel.offsetHeight + 24 : 70 + low] };
  return { paddingTopLeft: [card.right + 36, 48], paddingBottomRight: [isOpen ? panel.offsetWidth + 104 : 84, 60 + low] };
}

function flyTo(chosen) {
  const box = boundsOf(chosen.layer, chosen.row);
  const lit = app.paths && app.paths.getLit();
  if (lit && lit.isValid()) box.extend(lit);
  if (box.isValid()) app.map.fitBounds(box, { ...room(), maxZoom: Math.max(16, Math.min(17, app.map.getZoom())), animate: !calm() });
}

const calm = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;
