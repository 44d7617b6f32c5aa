// Search by code, name, enterprise or coordinates.

const MOST_FOUND = 12;

function plain(text) {
  return String(text).normalize('NFKC').toLowerCase().replace(/[\s_-]+/g, '');
}

function find(query) {
  const wanted = plain(query);
  if (!wanted) return [];
  const found = [];
  for (const layer of [...app.data.layers].reverse()) {
    if (!layer.search || !layer.search.length) continue;
    const rows = new Map();
    for (const name of layer.search) {
      const column = layer.column[name];
      if (!column || !column.codes) continue;
      column.plain = column.plain || column.values.map(plain);
      const ranks = column.plain.map((text) => (text === wanted ? 0 : text.startsWith(wanted) ? 1 : text.includes(wanted) ? 2 : 9));
      for (let row = 0; row < layer.n; row++) {
        const rank = column.codes[row] ? ranks[column.codes[row] - 1] : 9;
        if (rank < 9 && (!rows.has(row) || rows.get(row).rank > rank)) rows.set(row, { rank, name });
      }
    }
    for (const [row, hit] of rows) found.push({ layer, row, ...hit });
  }
  return found.sort((one, other) => one.rank - other.rank).slice(0, MOST_FOUND);
}

function findPosition(query) {
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*[°EeNn]?\s*[,，;\s]\s*(-?\d+(?:\.\d+)?)\s*[°EeNn]?\s*$/.exec(query);
  if (!match) return null;
  let [lon, lat] = [Number(match[1]), Number(match[2])];
  if (Math.abs(lat) > 90 && Math.abs(lon) <= 90) [lon, lat] = [lat, lon];
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 85 ? { lon, lat } : null;
}

function startSearch() {
  const input = document.getElementById('query');
  const list = document.getElementById('hits');
  let hits = [], at = -1;
  const close = () => { list.hidden = true; input.setAttribute('aria-expanded', 'false'); at = -1; };
  const take = (hit) => {
    close();
    input.blur();
    if (hit.lon !== undefined) { goTo(hit); return; }
    const sheet = app.sheets[hit.layer.name];
    if (!app.map.hasLayer(sheet)) toggleLayer(hit.layer.name);
    select(hit.layer.name, hit.row, { fly: true });
  };
  const mark = (next) => {
    at = hits.length ? (next + hits.length) % hits.length : -1;
    [...list.children].forEach((node, k) => { node.setAttribute('aria-selected', String(k === at)); if (k === at) node.scrollIntoView({ block: 'nearest' }); });
    input.setAttribute('aria-activedescendant', at >= 0 ? `hit${at}` : '');
  };
  const show = () => {
    const spot = findPosition(input.value);
    hits = spot ? [spot] : find(input.value);
    fill(list, hits.map((hit, k) => el('li', { role: 'option', id: `hit${k}`, onmousedown: (event) => { event.preventDefault(); take(hit); } }, hitRow(hit))));
    if (!hits.length) list.append(el('li', { class: 'none' }, say('search.none')));
    list.hidden = !input.value.trim();
    input.setAttribute('aria-expanded', String(!list.hidden));
    at = -1;
  };
  input.addEventListener('input', show);
  input.addEventListener('focus', show);
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { event.preventDefault(); mark(at + (event.key === 'ArrowDown' ? 1 : -1)); }
    else if (event.key === 'Enter' && hits.length) take(hits[Math.max(0, at)]);
    else if (event.key === 'Escape') { input.value = ''; close(); input.blur(); event.stopPropagation(); }
  });
}

function hitRow(hit) {
  if (hit.lon !== undefined) return [icon('target'), el('span', { class: 'name' }, `${hit.lon}, ${hit.lat}`), el('span', { class: 'count' }, say('search.point'))];
  const sheet = app.sheets[hit.layer.name];
  const key = keyOf(hit.layer.name, hit.row), title = titleOf(hit.layer.name, hit.row);
  return [swatch(sheet.look(hit.row), app.lang, hit.layer.kind), el('span', { class: 'name' }, title), el('span', { class: 'count' }, title === key ? called(hit.layer) : short(key, 22))];
}

function goTo(spot) {
  app.map.setView([spot.lat, spot.lon], 16);
  const pin = L.circleMarker([spot.lat, spot.lon], { radius: 10, color: '#1d2b36', weight: 2, fillColor: '#ffd166', fillOpacity: 0.9 }).addTo(app.map);
  setTimeout(() => pin.remove(), 8000);
}
