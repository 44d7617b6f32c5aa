// Where is this exactly: a menu at any place of the map with its coordinates to copy, what is here, and measuring from here.

const NEAR_PX = 26;

// Every way a position is written: [name, text].
function coordinatesOf(lon, lat) {
  const gcj = toGcj(lon, lat);
  const flat = projected(lon, lat);
  const rows = [['WGS 84 / CGCS2000', written(lon, lat, 'd')], ['WGS 84 / CGCS2000', written(lon, lat, 'dms')], ['WGS 84 / CGCS2000', written(lon, lat, 'dm')]];
  if (gcj[0] !== lon) rows.push(['GCJ-02', written(...gcj, 'd')]);
  rows.push([flat.name, `${flat.east.toFixed(2)}, ${flat.north.toFixed(2)}`]);
  if (flat.kind === 'CGCS2000') rows.push([say('menu.zone', flat.zone), `${(flat.zone * 1e6 + flat.east).toFixed(2)}, ${flat.north.toFixed(2)}`]);
  return rows;
}

let openedMenu = null;

function closeMenu() {
  if (openedMenu) { openedMenu.remove(); openedMenu = null; }
}

function openMenu(latlng, point) {
  closeMenu();
  const lon = wrapped(latlng.lng), { lat } = latlng;
  const act = (drawing, key, run) => el('button', { type: 'button', role: 'menuitem', class: 'act', onclick: () => { closeMenu(); run(); } }, icon(drawing), say(key));
  const rows = coordinatesOf(lon, lat).map(([kind, text]) => el('button', { type: 'button', role: 'menuitem', class: 'spot', onclick: (event) => copy(text, event.currentTarget) }, el('span', {}, kind), el('b', {}, text), icon('copy')));
  const menu = el('div', { class: 'pop', role: 'menu', 'aria-label': say('menu') }, rows, el('hr'),
    act('eye', 'menu.here', () => whatIsHere(latlng)), act('ruler', 'menu.measure', () => startMeasuring('line', latlng)), flowOf() && act('flow', 'menu.river', () => startMeasuring('river', latlng)));
  menu.addEventListener('keydown', (event) => {
    const items = [...menu.querySelectorAll('button')], at = items.indexOf(document.activeElement);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') items[(at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length].focus();
    else if (event.key === 'Escape' || event.key === 'Tab') { closeMenu(); document.getElementById('map').focus({ preventScroll: true }); } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(menu);
  openedMenu = menu;
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(8, Math.min(point.x, window.innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(point.y, window.innerHeight - height - 8))}px`;
  menu.querySelector('button').focus({ preventScroll: true });
}

// Everything near a place, the nearest first, in a window; one thing alone is opened at once.
function whatIsHere(latlng) {
  const found = [];
  const scale = 256 * 2 ** app.map.getZoom();
  const { x, y } = L.CRS.EPSG3857.latLngToPoint(latlng, 0);
  for (const layer of [...app.data.layers].reverse()) {
    const sheet = app.sheets[layer.name];
    if (layer.kind === 'raster' || !layer.n || !sheet.grid || !app.map.hasLayer(sheet)) continue;
    const [px, py, off] = [x / 256, y / 256, NEAR_PX / scale];
    const rows = new Map();
    for (const part of sheet.grid.find(px - off, py - off, px + off, py + off)) {
      const row = layer.shape.row[part], gap = sheet.grid.gap(part, px, py);
      if (sheet.isDrawn(row) && gap <= off && !(rows.get(row) <= gap)) rows.set(row, gap);
    }
    for (const [row, gap] of rows) found.push({ layer, row, gap });
  }
  found.sort((one, other) => one.gap - other.gap);
  announce(say('menu.found', found.length));
  if (found.length === 1) { app.trail = []; select(found[0].layer.name, found[0].row); return; }
  const metre = 40075016.686 * Math.cos(latlng.lat * RAD);
  const { body, close } = openDialog('here', say('menu.here'));
  fill(body, found.length ? el('ul', { class: 'list' }, found.slice(0, 60).map(({ layer, row, gap }) => el('li', {}, el('button', { type: 'button', class: 'row', onclick: () => { close(); app.trail = []; select(layer.name, row); } },
    swatch(app.sheets[layer.name].look(row), app.lang, layer.kind), el('span', { class: 'name' }, titleOf(layer.name, row)), el('span', { class: 'count' }, `${called(layer)} · ${metres(gap * metre)}`))))) : el('p', { class: 'hint' }, say('menu.nothing')));
}

feature({
  order: 2,
  start() {
    // Leaflet calls a long press a context menu too.
    app.map.on('contextmenu', (event) => { event.originalEvent.preventDefault(); const { x, y } = event.containerPoint; openMenu(event.latlng, { x, y }); });
    app.map.on('movestart click', closeMenu);
    on('language', closeMenu);
    document.addEventListener('pointerdown', (event) => { if (openedMenu && !openedMenu.contains(event.target)) closeMenu(); });
  },
});
